import time

from training.synthetic.clock import StageClock, StageTime, merged


def spin(wall_s: float) -> None:
    end_s = time.perf_counter() + wall_s
    while time.perf_counter() < end_s:
        pass


def test_a_moment_counts_for_the_innermost_stage_only() -> None:
    clock = StageClock()
    started_s = time.perf_counter()
    with clock.stage("outer"):
        spin(0.01)
        with clock.stage("inner"):
            spin(0.03)
        spin(0.01)
    whole_s = time.perf_counter() - started_s
    times = {stage.name: stage for stage in clock.times()}
    assert times["inner"].wall_s >= 0.03 and times["outer"].wall_s >= 0.02
    assert times["inner"].wall_s + times["outer"].wall_s <= whole_s


def test_sleep_takes_wall_time_and_no_cpu_time() -> None:
    clock = StageClock()
    with clock.stage("wait"):
        time.sleep(0.05)
    (stage,) = clock.times()
    assert stage.wall_s >= 0.05 and stage.cpu_s < 0.04


def test_entries_add_up_and_a_stage_inside_itself_is_counted_once() -> None:
    clock = StageClock()
    for _ in range(3):
        with clock.stage("draw"), clock.stage("draw"):
            spin(0.001)
    (stage,) = clock.times()
    assert stage.entries == 6
    clock.restart()
    assert clock.times() == ()


def test_an_error_ends_its_stage() -> None:
    clock = StageClock()
    try:
        with clock.stage("draw"):
            raise ArithmeticError
    except ArithmeticError:
        clock.restart()  # refuses inside a stage


def test_clocks_of_several_processes_are_summed_by_name() -> None:
    one, other = (StageTime("draw", 2, 1.0, 2.0),), (StageTime("pose", 1, 0.5, 0.5), StageTime("draw", 1, 1.0, 1.0))
    assert merged([one, other]) == (StageTime("draw", 3, 2.0, 3.0), StageTime("pose", 1, 0.5, 0.5))
