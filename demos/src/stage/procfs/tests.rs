use super::{MAPS, find, parse, read};
use std::path::Path;

const SAMPLE: &str = "\
5581f2a00000-5581f2a21000 rw-p 00000000 00:00 0                          [heap]
7f4bd4000000-7f4bd4021000 rw-p 00000000 00:00 0 \n\
7f4bd4021000-7f4bd8000000 ---p 00000000 00:00 0 \n\
7f4bdc1d8000-7f4bdc1da000 r--p 00000000 fe:00 131 /usr/lib/a name with blanks.so
";

#[test]
fn rows_have_a_range_permissions_and_perhaps_a_name() {
    let maps = parse(SAMPLE);
    assert_eq!(maps.len(), 4);
    assert_eq!(maps[0].name, "[heap]");
    assert_eq!(maps[1].name, "");
    assert_eq!(maps[2].permissions, "---p");
    assert_eq!(maps[3].name, "/usr/lib/a name with blanks.so");
}

#[test]
fn an_address_belongs_to_the_mapping_that_has_it_and_not_to_its_end() {
    let maps = parse(SAMPLE);
    assert_eq!(find(&maps, 0x7f4b_d402_0fff), Some(&maps[1]));
    assert_eq!(find(&maps, 0x7f4b_d402_1000), Some(&maps[2]));
    assert_eq!(find(&maps, 0x10), None);
}

#[test]
fn garbage_gives_no_rows_and_no_panic() {
    for text in ["", "\n\n", "zz-yy rw-p", "1234", "10-20", "☃-☃ rw-p 0 0 0"] {
        assert!(parse(text).is_empty(), "{text:?}");
    }
}

#[test]
fn a_missing_file_is_an_error_value() {
    assert!(read(Path::new("/nonexistent/proc/self/maps")).is_err());
}

#[test]
fn the_list_of_this_process_has_its_own_stack() {
    let here = 0_u8;
    if let Ok(maps) = read(Path::new(MAPS)) {
        assert!(find(&maps, (&raw const here).addr()).is_some());
    }
}
