"""The error output is silenced for moments, and always comes back."""

from __future__ import annotations

import os
import sys
import threading

from model.standard_error import quiet_standard_error


def where_it_goes() -> tuple[int, int]:
    status = os.fstat(2)
    return status.st_dev, status.st_ino


def test_it_is_silent_inside_and_back_outside() -> None:
    outside = where_it_goes()
    with quiet_standard_error():
        assert where_it_goes() != outside
        with quiet_standard_error():
            assert where_it_goes() != outside
        assert where_it_goes() != outside
    assert where_it_goes() == outside


def test_many_threads_at_once_do_not_lose_it() -> None:
    outside = where_it_goes()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work() -> None:
        for _ in range(300):
            with quiet_standard_error():
                pass

    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert where_it_goes() == outside
