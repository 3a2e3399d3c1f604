//! One load and one store that the compiler knows nothing of.
//!
//! Rust has no meaning for a read through a pointer whose memory was unmapped, not even a volatile one: the compiler may
//! assume that it does not happen. The processor has one: it asks the page tables, and the answer is a byte or a fault.
//! A demo that shows what the processor does asks the processor.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use std::ptr;

/// Reads the byte at an address, whoever it belongs to.
///
/// # Safety
///
/// No thread writes there at the same time. If nothing is mapped there, the process gets SIGSEGV, and that is wanted.
#[must_use]
#[inline(never)]
pub unsafe fn load(address: usize) -> u8 {
    let value;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: one load into a register; by the caller's promise nobody writes there.
    unsafe {
        asm!("mov {value}, byte ptr [{address}]", value = out(reg_byte) value, address = in(reg) address,
             options(nostack, readonly, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    {
        let wide: u32;
        // SAFETY: as above.
        unsafe {
            asm!("ldrb {value:w}, [{address}]", value = out(reg) wide, address = in(reg) address,
                 options(nostack, readonly, preserves_flags));
        }
        value = wide.to_le_bytes()[0];
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let from = ptr::with_exposed_provenance::<u8>(address);
        // SAFETY: the nearest that Rust has where the instruction is not written down here.
        value = unsafe { from.read_volatile() };
    }
    value
}

/// Writes a byte to an address, whoever it belongs to.
///
/// # Safety
///
/// No thread uses the byte at the same time, and no reference to it exists. If nothing is mapped there, the process gets
/// SIGSEGV, and that is wanted.
#[inline(never)]
pub unsafe fn store(address: usize, value: u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: one store; by the caller's promise nobody else uses the byte.
    unsafe {
        asm!("mov byte ptr [{address}], {value}", value = in(reg_byte) value, address = in(reg) address,
             options(nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!("strb {value:w}, [{address}]", value = in(reg) u32::from(value), address = in(reg) address,
             options(nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let to = ptr::with_exposed_provenance_mut::<u8>(address);
        // SAFETY: the nearest that Rust has where the instruction is not written down here.
        unsafe { to.write_volatile(value) };
    }
}

#[cfg(test)]
mod tests;
