"""Files that are there whole, and folders that one has at a time."""

import threading

from seqlearn import files


def test_what_is_held_is_held_by_one_at_a_time(tmp_path):
    """Two benchmarks that wrote the same table once took each other's fresh file away."""
    path, wrong = tmp_path / "table", []

    def write(content):
        for _ in range(50):
            try:
                with files.held(tmp_path):
                    files.replace(path, content)
                    assert path.read_bytes() == content
            except (OSError, AssertionError) as error:
                wrong.append(error)

    threads = [threading.Thread(target=write, args=(each,)) for each in (b"one", b"two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and [*tmp_path.iterdir()] == [path]
