import gc

import pytest

from harness.base.garbage import RARELY, collected_rarely


@pytest.mark.parametrize("before", [(700, 10, 10), (0, 10, 10), (50_000, 5, 5)])
def test_more_rarely_within_and_as_before_after_whatever_ends_it(before):
    own = gc.get_threshold()
    try:
        gc.set_threshold(*before)
        with pytest.raises(KeyError), collected_rarely():
            first, *more = gc.get_threshold()
            assert (first, *more) == ((RARELY, 10, 10) if before[0] == 700 else before)
            raise KeyError
        assert gc.get_threshold() == before
    finally:
        gc.set_threshold(*own)
