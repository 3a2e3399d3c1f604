//! A program that leaks, and is told so: with two lines more than it needs.

#[global_allocator]
static HEAP: heap_trace::TracedGlobal = heap_trace::TracedGlobal::new();

fn main() {
    std::mem::forget(String::from("This will be lost"));
    println!("done");
}
