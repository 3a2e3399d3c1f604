use super::Player;
use std::sync::Mutex;
use std::thread;

#[test]
fn steps_happen_in_the_order_of_the_director() {
    let log = Mutex::new(Vec::new());
    let log = &log;
    thread::scope(|scope| {
        let [a, b] = [(); 2].map(|()| Player::start(scope).expect("a thread"));
        for (player, step) in [(&b, 1), (&a, 2), (&a, 3), (&b, 4)] {
            let write = move || {
                log.lock()
                    .expect("no panic")
                    .push((step, thread::current().id()))
            };
            player.does(write).expect("done");
        }
    });
    let log = log.lock().expect("no panic");
    let steps: Vec<_> = log.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [1, 2, 3, 4]);
    assert_eq!(log[0].1, log[3].1);
    assert_eq!(log[1].1, log[2].1);
    assert_ne!(log[0].1, log[1].1);
    assert_ne!(log[0].1, thread::current().id());
}
