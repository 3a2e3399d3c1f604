//! Demo 09a: map one page, allocate from it, dump it, unmap it.
use std::process::ExitCode;
use std::ptr;

/// Runs the demo.
pub fn run() -> ExitCode {
    const CAPACITY: usize = 4096;
    // SAFETY: a private anonymous mapping at an address of the kernel's choice touches nothing of ours.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            CAPACITY,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        eprintln!(
            "❌ mmap of {CAPACITY} bytes failed: {}",
            std::io::Error::last_os_error()
        );
        return ExitCode::FAILURE;
    }
    let base = base.cast::<u8>();
    let mut offset = 0;
    for text in [
        "Hello arena",
        "Scoped allocator is born",
        "This is not malloc",
    ] {
        if offset + 64 > CAPACITY {
            return ExitCode::FAILURE;
        }
        // SAFETY: offset + 64 <= CAPACITY, checked above.
        let block = unsafe { base.add(offset) };
        // SAFETY: the text is shorter than 64 bytes and the block is ours.
        unsafe { block.copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        println!("✅ alloc 64 B → base+{offset} {text:?}");
        offset += 64;
    }
    // SAFETY: the used bytes were zeroed by the kernel or written above.
    let used = unsafe { std::slice::from_raw_parts(base, offset) };
    println!(
        "📦 {}",
        used.iter()
            .map(|&b| if (32..127).contains(&b) {
                b as char
            } else {
                '.'
            })
            .collect::<String>()
    );
    // SAFETY: the mapping made above; `used` is not read again.
    if unsafe { libc::munmap(base.cast(), CAPACITY) } != 0 {
        return ExitCode::FAILURE;
    }
    println!("🧹 unmap {CAPACITY} B");
    ExitCode::SUCCESS
}
