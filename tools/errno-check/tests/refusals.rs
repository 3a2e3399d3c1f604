//! What is not understood is refused with its line and token, and never judged.

use errno_check::{Pair, Semantics, Verdict, check};

/// Source and target of this body, with the declarations that most need.
fn text(body: &str) -> String {
    format!(
        "declare ptr @malloc(i64)\ndeclare void @free(ptr)\ndeclare ptr @realloc(ptr, i64)\n\
         declare ptr @__errno_location()\n{body}"
    )
}

/// The line that the body of a pair begins with.
const BODY: usize = 5;

#[track_caller]
fn refused(body: &str, line: usize, token: &str) {
    match Pair::from_text("pair.ll", &text(body)) {
        Ok(_) => panic!("understood:\n{body}"),
        Err(refusal) => {
            let place = (refusal.line + 1 - BODY, refusal.token.as_str());
            assert_eq!(place, (line, token), "{refusal}");
        }
    }
}

/// A function of this signature and code beside itself.
fn twice(signature: &str, code: &str) -> String {
    let (returns, parameters) = signature.split_once(' ').expect("a type and parameters");
    format!(
        "define {returns} @src{parameters} {{\n{code}\n}}\ndefine {returns} @tgt{parameters} {{\n{code}\n}}"
    )
}

#[track_caller]
fn refused_code(code: &str, line: usize, token: &str) {
    refused(
        &twice("void (ptr %p, i32 %x, i64 %n)", code),
        line + 1,
        token,
    );
}

#[test]
fn instructions_out_of_the_subset() {
    refused_code("%a = sdiv i32 %x, 2\nret void", 1, "sdiv");
    refused_code(
        "%a = load atomic i32, ptr %p seq_cst, align 4\nret void",
        1,
        "atomic",
    );
    refused_code("store volatile i32 0, ptr %p\nret void", 1, "volatile");
    refused_code("%a = add i16 1, 2\nret void", 1, "i16");
    refused_code("%a = fadd float 1.0, 2.0\nret void", 1, "1.0");
    refused_code("%a = getelementptr i32, ptr %p, i64 %n\nret void", 1, "%n");
    refused_code("%a = call i32 %p()\nret void", 1, "%p");
    refused_code("%a = inttoptr i64 %n to ptr\nret void", 1, "inttoptr");
    refused_code("fence seq_cst\nret void", 1, "fence");
    refused_code("%a = icmp less i32 %x, 0\nret void", 1, "less");
    refused_code(
        "%a = musttail call ptr @malloc(i64 1)\nret void",
        1,
        "musttail",
    );
}

#[test]
fn attributes_and_metadata() {
    refused_code("%a = load i32, ptr %p, !tbaa !0\nret void", 1, "!tbaa");
    refused_code(
        "%a = load i32, ptr %p, align 4, !noundef !0\nret void",
        1,
        "!noundef",
    );
    refused_code(
        "%a = call ptr @malloc(i64 1) nobuiltin\nret void",
        1,
        "nobuiltin",
    );
    refused_code(
        "%a = call ptr @malloc(i64 1) memory(none)\nret void",
        1,
        "@malloc",
    );
    refused_code(
        "%a = call ptr @malloc(i64 1) memory(argmem2: read, inaccessiblemem: readwrite)\nret void",
        1,
        "argmem2",
    );
    refused_code(
        "%a = call ptr @malloc(i64 1) allocsize(1)\nret void",
        1,
        "@malloc",
    );
    refused_code(
        "%a = call ptr @malloc(i64 1) allockind(\"alloc,zeroed\")\nret void",
        1,
        "@malloc",
    );
    refused_code("%a = call ptr @malloc(i64 1) #7\nret void", 1, "#7");
    refused_code("call void @free(ptr %p) nofree\nret void", 1, "@free");
    refused_code(
        "%a = call ptr @realloc(ptr %p, i64 8) nofree\nret void",
        1,
        "@realloc",
    );
    refused(&twice("void (ptr readonly %p)", "ret void"), 1, "readonly");
    refused(&twice("void (i32 nonnull %p)", "ret void"), 1, "nonnull");
    refused(
        "define void @src() memory(none) {\nret void\n}\ndefine void @tgt() {\nret void\n}",
        1,
        "memory",
    );
    refused(
        "define void @src() nofree {\nret void\n}\ndefine void @tgt() {\nret void\n}",
        1,
        "nofree",
    );
    refused(
        "define void @src() #0 {\nret void\n}\ndefine void @tgt() {\nret void\n}\nattributes #0 = { noreturn }",
        7,
        "noreturn",
    );
    refused("define noalias ptr @src() {\nret ptr null\n}", 1, "noalias");
}

#[test]
fn functions_that_may_do_anything() {
    let body = |attributes: &str| {
        let code = "%a = call i32 @f(i32 1)\nret i32 %a";
        format!(
            "declare i32 @f(i32) {attributes}\n{}",
            twice("i32 ()", code)
        )
    };
    refused(&body(""), 3, "@f");
    refused(&body("memory(read)"), 3, "@f");
    assert!(Pair::from_text("pair.ll", &text(&body("memory(none)"))).is_ok());
    refused_code("%a = call i32 @unknown(i32 1)\nret void", 1, "@unknown");
    refused_code(
        "call void @src(ptr %p, i32 %x, i64 %n)\nret void",
        1,
        "@src",
    );
    refused(
        "declare ptr @a(i64) allockind(\"alloc\")\ndefine void @src() {\n%p = call ptr @a(i64 1)\nret void\n}",
        3,
        "@a",
    );
    refused(
        "declare ptr @strdup(ptr)\ndefine void @src(ptr %p) {\n%q = call ptr @strdup(ptr %p)\nret void\n}",
        3,
        "@strdup",
    );
    refused("declare i64 @calloc(i64)\n", 1, "@calloc");
}

#[test]
fn names_that_lead_nowhere() {
    refused_code("%a = add i32 %y, 1\nret void", 1, "%y");
    refused_code("%a = add i32 %p, 1\nret void", 1, "%p");
    refused_code("%a = add i32 1, 1\n%a = add i32 1, 1\nret void", 2, "%a");
    refused_code("br label %nowhere", 1, "%nowhere");
    refused_code("br label %a\na:\nret void\na:\nret void", 4, "a");
    refused_code(
        "%c = icmp eq i32 %x, 0\nbr i1 %c, label %a, label %b\na:\n%y = add i32 1, 1\nbr label %b\nb:\n%z = add i32 %y, 1\nret void",
        7,
        "%y",
    );
    refused_code("%c = add i32 %d, 1\n%d = add i32 1, 1\nret void", 1, "%d");
}

#[test]
fn ways_back_and_ways_to_nothing() {
    refused_code("br label %a\na:\nbr label %a", 3, "%a");
    refused_code("br label %a\na:\nbr label %b\nb:\nbr label %a", 5, "%a");
    refused_code("ret void\nlost:\nret void", 2, "lost");
    refused_code(
        "br label %a\na:\n%y = phi i32 [ 0, %b ]\nret void\nb:\nbr label %a",
        5,
        "b",
    );
    refused_code(
        "br label %a\na:\n%y = phi i32 [ 0, %a ]\nret void",
        3,
        "phi",
    );
}

#[test]
fn constants_that_do_not_fit() {
    refused_code(
        "%a = call ptr @malloc(i64 18446744073709551616)\nret void",
        1,
        "18446744073709551616",
    );
    refused_code("%a = add i32 %x, 4294967296\nret void", 1, "4294967296");
    refused_code("%a = add i32 %x, -2147483649\nret void", 1, "-2147483649");
    refused_code("%a = add i32 %x, 0x10\nret void", 1, "0x10");
    refused_code(
        "%a = alloca i32, i64 9223372036854775807\nret void",
        2,
        "ret",
    );
    assert!(
        Pair::from_text(
            "pair.ll",
            &text(&twice(
                "void ()",
                "%a = call ptr @malloc(i64 18446744073709551615)\nret void"
            ))
        )
        .is_ok()
    );
}

#[test]
fn texts_that_are_no_pair() {
    let two = |source: &str, target: &str| {
        format!(
            "define {source} @src() {{\nret {source} 0\n}}\ndefine {target} @tgt() {{\nret {target} 0\n}}"
        )
    };
    refused(&two("i32", "i64"), 4, "define");
    refused(
        "define void @src(i32 %a) {\nret void\n}\ndefine void @tgt(ptr %a) {\nret void\n}",
        4,
        "define",
    );
    refused("define void @src() {\nret void\n}", 3, "@tgt");
    refused(
        "define void @src() {\nret void\n}\ndefine void @tgt() {\nret void\n}\ndefine void @more() {\nret void\n}",
        7,
        "@more",
    );
    refused("define void @src() {\nret void", 1, "{");
    refused("define void @src() {\nret i32 0\n}", 2, "i32");
    refused("@g = global i32 0", 1, "@g");
    refused("define void @src(...) {\nret void\n}", 1, "...");
    refused("", 0, "@src");
    for text in [
        "",
        "\0",
        "define",
        "define void",
        "%",
        "@",
        "declare void @f(",
        "attributes #0 = {",
        "\"",
        "define void @src() { ret",
    ] {
        assert!(Pair::from_text("pair.ll", text).is_err(), "{text:?}");
    }
}

#[track_caller]
fn unsupported(source: &str, target: &str, token: &str) {
    let body = format!(
        "define i32 @src(ptr %p, i64 %n) {{\n{source}\n}}\ndefine i32 @tgt(ptr %p, i64 %n) {{\n{target}\n}}"
    );
    let pair =
        Pair::from_text("pair.ll", &text(&body)).unwrap_or_else(|refusal| panic!("{refusal}"));
    match check(&pair, Semantics::FreshNondet).verdict {
        Verdict::Unsupported(refusal) => assert_eq!(refusal.token, token, "{refusal}"),
        verdict => panic!("judged: {verdict:?}"),
    }
}

#[test]
fn what_only_a_run_shows() {
    let call = "%e = call ptr @__errno_location()\n%q = call ptr @malloc(i64 -1)\n%x = load i32, ptr %e\nstore i32 0, ptr %e\n";
    let zero = "ret i32 0";
    // The sum of any value and 1 is any value: true, and not something that samples can show.
    unsupported(
        &format!("{call}%y = add i32 %x, 1\nret i32 %y"),
        &format!("{call}ret i32 %x"),
        "@tgt",
    );
    unsupported(
        &format!(
            "{call}%y = and i32 %x, 1\n%c = icmp eq i32 %y, 0\nbr i1 %c, label %a, label %a\na:\nret i32 0"
        ),
        zero,
        "icmp",
    );
    unsupported(
        "%q = call ptr @realloc(ptr %p, i64 0)\nret i32 0",
        zero,
        "@realloc",
    );
    unsupported(
        "%a = alloca i32\n%x = load i32, ptr %a\n%y = add i32 %x, 1\nret i32 %y",
        zero,
        "add",
    );
    unsupported(
        "%a = alloca ptr\nstore ptr %p, ptr %a\n%x = load i32, ptr %a\nret i32 %x",
        zero,
        "load",
    );
    unsupported(
        "%a = alloca i32\nstore ptr %a, ptr %p\nret i32 0",
        zero,
        "alloca",
    );
    unsupported("%q = load ptr, ptr %p\nret i32 0", zero, "load");
    unsupported(
        "%q = getelementptr nuw i8, ptr null, i64 -1\n%r = load i8, ptr %q\nret i32 0",
        zero,
        "getelementptr",
    );
    unsupported(
        "%a = ptrtoint ptr %p to i64\n%t = trunc i64 %a to i32\nret i32 %t",
        zero,
        "trunc",
    );
}
