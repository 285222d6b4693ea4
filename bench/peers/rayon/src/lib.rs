//! rayon's way of the works, on its global pool; rayon.c makes a contender of it.
use rayon::prelude::*;
use std::os::raw::{c_int, c_long, c_uint};

const BOARD_MAX: usize = 16;

type RangeFn = extern "C" fn(u64, u64) -> u64;

#[repr(C)]
pub struct SumNode {
    value: c_long,
    left: Option<&'static SumNode>,
    right: Option<&'static SumNode>,
}

extern "C" {
    fn bench_woken();
    fn bench_tree_node(parent: u64, index: u64) -> u64;
    fn bench_rayon_tree_children(node: u64) -> c_uint;
}

#[no_mangle]
pub extern "C" fn bench_rayon_start(workers: c_uint) {
    rayon::ThreadPoolBuilder::new()
        .num_threads(workers as usize)
        .stack_size(64 << 20) // the tree is 2,860 levels deep
        .build_global()
        .expect("no threads");
}

fn fib(n: c_int) -> c_long {
    if n < 2 {
        return n as c_long;
    }
    let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

#[no_mangle]
pub extern "C" fn bench_rayon_fib(n: c_int) -> c_long {
    rayon::scope(|_| fib(n))
}

/// bench_place() of works.h.
fn place(above: &[i8; BOARD_MAX], here: &mut [i8; BOARD_MAX], row: usize, column: usize) -> bool {
    for r in 0..row {
        let apart = above[r] as i32 - column as i32;
        if apart == 0 || apart.unsigned_abs() as usize == row - r {
            return false;
        }
        here[r] = above[r];
    }
    here[row] = column as i8;
    true
}

/// All columns of a row, halved until one is left: rayon's iterators would do the same.
fn columns(above: &[i8; BOARD_MAX], n: usize, row: usize, begin: usize, end: usize) -> c_long {
    if end - begin == 1 {
        return queens(above, n, row, begin);
    }
    let middle = begin + (end - begin) / 2;
    let (a, b) = rayon::join(
        || columns(above, n, row, begin, middle),
        || columns(above, n, row, middle, end),
    );
    a + b
}

fn queens(above: &[i8; BOARD_MAX], n: usize, row: usize, column: usize) -> c_long {
    let mut here = [0i8; BOARD_MAX];
    if !place(above, &mut here, row, column) {
        return 0;
    }
    if row + 1 == n {
        return 1;
    }
    columns(&here, n, row + 1, 0, n)
}

#[no_mangle]
pub extern "C" fn bench_rayon_nqueens(n: c_int) -> c_long {
    rayon::scope(|_| columns(&[0i8; BOARD_MAX], n as usize, 0, 0, n as usize))
}

fn children(node: u64, begin: u64, end: u64) -> u64 {
    if end - begin == 1 {
        return subtree(node, begin);
    }
    let middle = begin + (end - begin) / 2;
    let (a, b) = rayon::join(|| children(node, begin, middle), || children(node, middle, end));
    a + b
}

fn subtree(parent: u64, index: u64) -> u64 {
    let node = unsafe { bench_tree_node(parent, index) };
    let count = unsafe { bench_rayon_tree_children(node) };
    if count == 0 {
        1
    } else {
        1 + children(node, 0, count as u64)
    }
}

#[no_mangle]
pub extern "C" fn bench_rayon_tree(root: u64, roots: c_uint) -> u64 {
    rayon::scope(|_| 1 + children(root, 0, roots as u64))
}

#[no_mangle]
pub extern "C" fn bench_rayon_loop(body: RangeFn, items: u64) -> u64 {
    let pieces = 8 * rayon::current_num_threads() as u64;
    (0..pieces)
        .into_par_iter()
        .map(|piece| body(items * piece / pieces, items * (piece + 1) / pieces))
        .reduce(|| 0, u64::wrapping_add)
}

fn sum(node: &SumNode) -> c_long {
    match (node.left, node.right) {
        (Some(left), Some(right)) => {
            let (a, b) = rayon::join(|| sum(left), || sum(right));
            a + b + node.value
        }
        (Some(left), None) => sum(left) + node.value,
        _ => node.value,
    }
}

#[no_mangle]
pub extern "C" fn bench_rayon_sum(root: &'static SumNode, times: c_uint) -> c_long {
    rayon::scope(|_| (0..times).map(|_| sum(root)).sum())
}

/// rayon has no future for one task: the scope waits for all of them.
#[no_mangle]
pub extern "C" fn bench_rayon_outside(count: usize) {
    rayon::in_place_scope(|scope| {
        for _ in 0..count {
            scope.spawn(|_| ());
        }
    });
}

#[no_mangle]
pub extern "C" fn bench_rayon_wake() {
    rayon::spawn(|| unsafe { bench_woken() });
}
