//! A lane as one writes it with tokio (an unbounded channel to a task on a current-thread runtime, a oneshot for each answer)
//! and with crossbeam (an unbounded channel to a thread, a channel of answers for each caller). lane_rust.c makes contenders of
//! them.
use std::os::raw::c_void;
use std::sync::Mutex;
use std::thread::JoinHandle;

extern "C" {
    fn lane_here();
    fn bench_lane_operate(key: u64) -> u64;
}

fn join(thread: &Mutex<Option<JoinHandle<()>>>) {
    thread.lock().unwrap().take().unwrap().join().unwrap();
}

mod with_tokio {
    use super::*;
    use tokio::sync::{mpsc, oneshot};

    type Request = (u64, oneshot::Sender<u64>);

    struct Caller {
        lane: mpsc::UnboundedSender<Request>,
        answers: Vec<Option<oneshot::Receiver<u64>>>,
    }

    static LANE: Mutex<Option<mpsc::UnboundedSender<Request>>> = Mutex::new(None);
    static THREAD: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);

    #[no_mangle]
    pub extern "C" fn tokio_start() {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Request>();
        *LANE.lock().unwrap() = Some(sender);
        *THREAD.lock().unwrap() = Some(std::thread::spawn(move || {
            unsafe { lane_here() };
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("no runtime");
            runtime.block_on(async move {
                while let Some((key, answer)) = receiver.recv().await {
                    let _ = answer.send(unsafe { bench_lane_operate(key) });
                }
            });
        }));
    }

    #[no_mangle]
    pub extern "C" fn tokio_stop() {
        *LANE.lock().unwrap() = None;
        join(&THREAD);
    }

    #[no_mangle]
    pub extern "C" fn tokio_open(slots: usize) -> *mut c_void {
        let lane = LANE.lock().unwrap().as_ref().unwrap().clone();
        let answers = (0..slots).map(|_| None).collect();
        Box::into_raw(Box::new(Caller { lane, answers })) as *mut c_void
    }

    #[no_mangle]
    pub unsafe extern "C" fn tokio_close(caller: *mut c_void) {
        drop(Box::from_raw(caller as *mut Caller));
    }

    #[no_mangle]
    pub unsafe extern "C" fn tokio_submit(caller: *mut c_void, slot: usize, key: u64) {
        let caller = &mut *(caller as *mut Caller);
        let (sender, receiver) = oneshot::channel();
        caller.answers[slot] = Some(receiver);
        let _ = caller.lane.send((key, sender));
    }

    #[no_mangle]
    pub unsafe extern "C" fn tokio_reap(caller: *mut c_void, slot: usize) -> u64 {
        let caller = &mut *(caller as *mut Caller);
        caller.answers[slot].take().unwrap().blocking_recv().expect("no answer")
    }
}

mod with_crossbeam {
    use super::*;
    use crossbeam_channel::{unbounded, Receiver, Sender};

    type Request = (u64, Sender<u64>);

    struct Caller {
        lane: Sender<Request>,
        to_me: Sender<u64>,
        answers: Receiver<u64>,
    }

    static LANE: Mutex<Option<Sender<Request>>> = Mutex::new(None);
    static THREAD: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);

    #[no_mangle]
    pub extern "C" fn crossbeam_start() {
        let (sender, receiver) = unbounded::<Request>();
        *LANE.lock().unwrap() = Some(sender);
        *THREAD.lock().unwrap() = Some(std::thread::spawn(move || {
            unsafe { lane_here() };
            for (key, answer) in receiver {
                let _ = answer.send(unsafe { bench_lane_operate(key) });
            }
        }));
    }

    #[no_mangle]
    pub extern "C" fn crossbeam_stop() {
        *LANE.lock().unwrap() = None;
        join(&THREAD);
    }

    #[no_mangle]
    pub extern "C" fn crossbeam_open(_slots: usize) -> *mut c_void {
        let lane = LANE.lock().unwrap().as_ref().unwrap().clone();
        let (to_me, answers) = unbounded();
        Box::into_raw(Box::new(Caller { lane, to_me, answers })) as *mut c_void
    }

    #[no_mangle]
    pub unsafe extern "C" fn crossbeam_close(caller: *mut c_void) {
        drop(Box::from_raw(caller as *mut Caller));
    }

    #[no_mangle]
    pub unsafe extern "C" fn crossbeam_submit(caller: *mut c_void, _slot: usize, key: u64) {
        let caller = &*(caller as *mut Caller);
        let _ = caller.lane.send((key, caller.to_me.clone()));
    }

    #[no_mangle]
    pub unsafe extern "C" fn crossbeam_reap(caller: *mut c_void, _slot: usize) -> u64 {
        let caller = &*(caller as *mut Caller);
        caller.answers.recv().expect("no answer")
    }
}
