//! Which tool is running the program: asked, never assumed.
//!
//! A sanitizer is linked into the program, so its functions are there or not: a weak symbol in a
//! data slot tells which, on stable and without a build script. Valgrind interprets the program
//! and answers a sequence of instructions that does nothing on a real processor.

/// Tell whether a tool runs the program that has little address space to give.
pub(crate) fn has_little_address_space() -> bool {
    imp::linked_with_thread_or_memory_sanitizer() || imp::on_valgrind()
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod imp {
    use core::arch::{asm, global_asm};

    // The name carries crate and version: two versions of this crate may be linked together.
    global_asm!(
        ".weak __tsan_init",
        ".weak __msan_init",
        ".pushsection .data.rel.local.arena_core_0_1, \"aw\", @progbits",
        ".balign 8",
        ".globl arena_core_0_1_slot_tsan",
        ".hidden arena_core_0_1_slot_tsan",
        "arena_core_0_1_slot_tsan: .quad __tsan_init",
        ".globl arena_core_0_1_slot_msan",
        ".hidden arena_core_0_1_slot_msan",
        "arena_core_0_1_slot_msan: .quad __msan_init",
        ".popsection",
    );

    unsafe extern "C" {
        static arena_core_0_1_slot_tsan: usize;
        static arena_core_0_1_slot_msan: usize;
    }

    pub(super) fn linked_with_thread_or_memory_sanitizer() -> bool {
        // The linker filled the slots in, unseen by the compiler: hence volatile.
        // SAFETY: the slot is an initialised, aligned word that nobody writes.
        let tsan = unsafe { (&raw const arena_core_0_1_slot_tsan).read_volatile() };
        // SAFETY: as above.
        let msan = unsafe { (&raw const arena_core_0_1_slot_msan).read_volatile() };
        tsan != 0 || msan != 0
    }

    pub(super) fn on_valgrind() -> bool {
        /// `VG_USERREQ__RUNNING_ON_VALGRIND` of valgrind.h.
        const RUNNING_ON_VALGRIND: usize = 0x1001;
        let request = [RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0];
        let answer: usize;
        // SAFETY: the rotations add up to 128 bits and the exchange is of a register with itself,
        // so a processor changes nothing but flags; valgrind reads the array and sets rdx.
        unsafe {
            asm!(
                "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
                inout("rdx") 0_usize => answer,
                in("rax") request.as_ptr(),
                options(nostack),
            );
        }
        answer != 0
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
mod imp {
    pub(super) fn linked_with_thread_or_memory_sanitizer() -> bool {
        false
    }

    pub(super) fn on_valgrind() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    /// Set by whoever builds the tests with ThreadSanitizer or MemorySanitizer.
    #[test]
    fn a_sanitizer_is_noticed_if_and_only_if_it_is_linked() {
        let linked = option_env!("OWN_THE_HEAP_SANITIZED").is_some();
        assert_eq!(super::imp::linked_with_thread_or_memory_sanitizer(), linked);
        let little = linked || super::imp::on_valgrind();
        assert_eq!(super::has_little_address_space(), little);
        assert_eq!(
            crate::Arena::new().capacity(),
            if little { 64 << 20 } else { 1 << 30 }
        );
    }
}
