//! Does docs/EMBEDDING.md show what the board really does? Each of its pieces of code stands in the example, line for line.

use std::fs;
use std::path::Path;

/// The lines without what they are indented by together.
fn dedented(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let common = lines().map(indent).min().unwrap_or(0);
    lines().map(|line| format!("{}\n", &line[common..])).collect()
}

/// Whether some lines of the file, one after the other, are these.
fn stands_in(file: &str, piece: &str) -> bool {
    let lines = file.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>();
    lines.windows(piece.lines().count()).any(|some| dedented(&some.join("\n")) == piece)
}

#[test]
fn the_chapter_on_embedding_shows_the_boards_own_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chapter = fs::read_to_string(root.join("../docs/EMBEDDING.md")).unwrap();
    let files = fs::read_dir(root.join("examples/board")).unwrap();
    let files = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let files = files.collect::<Vec<_>>();
    let pieces = chapter.split("```rust\n").skip(1);
    let pieces = pieces.map(|rest| rest.split_once("```").unwrap().0).collect::<Vec<_>>();
    assert!(pieces.len() > 5, "the pieces are found");
    for piece in pieces {
        let piece = dedented(piece);
        assert!(
            files.iter().any(|file| stands_in(file, &piece)),
            "not in the example, or not in one piece:\n{piece}"
        );
    }
}
