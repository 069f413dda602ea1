//! What does the firmware say? Its defmt log, decoded with the program that it comes from.

use core::time::Duration;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant;

use defmt_decoder::{DecodeError, Table};

/// The lines of a log as they come.
#[derive(Debug)]
pub struct Log {
    lines: Receiver<String>,
    /// Those that were read.
    seen: Vec<String>,
}

impl Log {
    /// Decodes `stream` until it ends; `program` is who writes to it. The stream is drained whether lines are asked for or not, since a full pipe
    /// would stop the board.
    ///
    /// # Panics
    /// When the program has no defmt log.
    pub fn decode(program: &Path, stream: impl Read + Send + 'static) -> Self {
        let elf = fs::read(program).expect("the program can be read");
        let table = Table::parse(&elf).expect("the program is good");
        let table = table.expect("the program has a defmt log");
        let (sender, lines) = channel();
        thread::spawn(move || pump(&table, stream, &sender));
        Self { lines, seen: Vec::new() }
    }

    /// Waits for a line that contains `text`, and gives it.
    ///
    /// # Panics
    /// With the log so far, when there is none within `patience`.
    pub fn wait_for(&mut self, text: &str, patience: Duration) -> String {
        let end = Instant::now() + patience;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {text:?} within {patience:?}; the log:\n{}", self.seen.join("\n"))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("no {text:?} before the end; the log:\n{}", self.seen.join("\n"))
                }
            }
        }
    }

    /// All lines until the program ends.
    pub fn to_end(&mut self) -> &[String] {
        self.seen.extend(self.lines.iter());
        &self.seen
    }

    /// All lines so far.
    pub fn so_far(&mut self) -> &[String] {
        self.seen.extend(self.lines.try_iter());
        &self.seen
    }
}

fn pump(table: &Table, mut stream: impl Read, lines: &Sender<String>) {
    let mut decoder = table.new_stream_decoder();
    let mut octets = [0; 4_096];
    loop {
        let Ok(len @ 1..) = stream.read(&mut octets) else { return };
        decoder.received(octets.get(..len).unwrap_or_default());
        loop {
            let line = match decoder.decode() {
                Ok(frame) => frame.display(false).to_string(),
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => "(a line that cannot be decoded)".to_owned(),
            };
            // Nobody may listen any more; the stream is drained all the same.
            let _ = lines.send(line);
        }
    }
}
