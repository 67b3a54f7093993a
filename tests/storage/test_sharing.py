"""Those who share a lock are inside together; who wants it alone is alone, and goes first."""

import threading

from storage.sharing import SharedLock

LONG_S = 30


def test_many_hold_it_together():
    lock, inside = SharedLock(), threading.Barrier(3)
    met = []

    def use():
        with lock.shared():
            # Passed only when all three are inside at once.
            met.append(inside.wait(LONG_S))

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(met) == [0, 1, 2]


def test_who_holds_it_alone_sees_no_other():
    lock, users = SharedLock(), []
    most_seen = []

    def use(how):
        for _ in range(50):
            with how():
                users.append(how)
                most_seen.append((how, list(users)))
                users.remove(how)

    shared, exclusive = lock.shared, lock.exclusive
    threads = [threading.Thread(target=use, args=(how,)) for how in (shared, shared, exclusive, exclusive)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [seen for how, seen in most_seen if how == exclusive] == [[exclusive]] * 100


def test_who_waits_to_be_alone_goes_before_those_who_come_later():
    lock, order = SharedLock(), []
    holding, late = threading.Event(), threading.Event()

    def hold():
        with lock.shared():
            holding.set()
            late.wait(LONG_S)

    def alone():
        with lock.exclusive():
            order.append("alone")

    def later():
        with lock.shared():
            order.append("later")

    first, second, third = (threading.Thread(target=one) for one in (hold, alone, later))
    first.start()
    holding.wait(LONG_S)
    second.start()
    while not lock.is_wanted:
        pass
    third.start()
    late.set()
    for thread in (first, second, third):
        thread.join()
    assert order == ["alone", "later"]


def test_an_error_inside_gives_it_back():
    lock = SharedLock()
    for how in (lock.shared, lock.exclusive):
        try:
            with how():
                raise ValueError
        except ValueError:
            pass
    with lock.exclusive():
        assert not lock.is_wanted
