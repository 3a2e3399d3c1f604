use super::*;

#[test]
fn what_does_not_end_is_ended_with_all_that_it_started() {
    let mut command = Command::new("sh");
    let child = command.args(["-c", "sleep 1000 & wait"]).spawn().unwrap();
    let started = || family(child.id()).get(1).copied();
    let grandchild = std::iter::repeat_with(started).flatten().next().unwrap();
    let grandchild = grandchild.as_raw_nonzero();
    assert_eq!(wait(child, Instant::now(), Duration::ZERO), Ok(None));
    // Killed, it may wait for whoever inherits it to ask for its status; it runs no more.
    let stat = || fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
    let runs = |stat: String| stat.contains(") S") || stat.contains(") R");
    let patience = Instant::now() + Duration::from_secs(20);
    while runs(stat()) {
        assert!(Instant::now() < patience, "still there: {}", stat());
        thread::yield_now();
    }
}

#[test]
fn what_ends_in_time_has_its_status() {
    let child = Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
    let status = wait(child, Instant::now(), LIMIT).unwrap();
    assert_eq!(status.and_then(|status| status.code()), Some(7));
}
