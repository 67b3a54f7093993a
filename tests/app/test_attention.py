"""Loading waits while somebody is asking."""

import threading

from app.attention import Attention


def test_work_waits_while_somebody_is_asking_and_goes_on_after():
    attention, went_on = Attention(), threading.Event()

    def work():
        attention.wait_turn()
        went_on.set()

    with attention.asking():
        worker = threading.Thread(target=work)
        worker.start()
        assert not went_on.wait(0.2)
    worker.join()
    assert went_on.is_set()
