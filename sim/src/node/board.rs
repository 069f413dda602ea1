//! The board of `examples/board` as a server of the world: smoltcp as its stack, arrays for 64 leases, and no clock but its uptime.

use core::fmt;
use core::net::Ipv4Addr;

use dhcp_core::server::book::{Entry, LeaseBook as _};
use dhcp_core::server::config::{ServerConfig, SubnetIndex};
use dhcp_core::time::Instant;

use super::Desk;
use super::serves::Serves;
use crate::board::{Board, Buffers, MAC};
use crate::card::Frame;
use crate::network::Told;
use crate::nor::{Chip, Leaves};

/// Sectors of its flash.
const SECTORS: usize = 16;

/// How many rounds its loop makes at once before the world goes on.
const ROUNDS_MAX: usize = 16;

/// A board, switched on and off.
pub struct BoardNode {
    config: &'static ServerConfig<'static>,
    locals: Vec<Ipv4Addr>,
    chip: Chip,
    board: Option<Box<Board>>,
    on_at: Option<Instant>,
    /// When its loop goes round next.
    wake_at: Instant,
}

impl fmt::Debug for BoardNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoardNode").field("on_at", &self.on_at).finish_non_exhaustive()
    }
}

impl BoardNode {
    /// A board that is switched on at once.
    #[must_use]
    pub fn new(told: Told, seed: u64) -> Self {
        let Told { config, locals, .. } = told;
        let locals = locals.into_iter().map(|(_, local)| local).collect();
        let (chip, wake_at) = (Chip::new(SECTORS, seed), Instant::ZERO);
        Self { config, locals, chip, board: None, on_at: Some(Instant::ZERO), wake_at }
    }

    /// Its loop goes round until nothing is left to do now.
    fn go_round(&mut self, desk: &mut Desk<'_>) {
        let Some(board) = &mut self.board else { return };
        let mut sent = Vec::new();
        for _ in 0..ROUNDS_MAX {
            board.round(desk.now);
            sent.extend(
                core::mem::take(&mut board.card.sent).iter().map(|frame| (0, frame.to_vec())),
            );
            self.wake_at = board.wake_at(desk.now);
            if board.card.received.is_empty() && self.wake_at > desk.now {
                break;
            }
        }
        self.wake_at = self.wake_at.max(desk.now.plus_millis(1));
        if self.chip.is_off() {
            // What it would have said after the cut is not said.
            self.off(desk, 3_000);
        } else {
            desk.sent.extend(sent);
        }
    }
}

impl Serves for BoardNode {
    fn mac(&self) -> [u8; 6] {
        MAC
    }

    fn is_me(&self, address: Ipv4Addr) -> bool {
        self.locals.contains(&address)
    }

    fn is_on(&self) -> bool {
        self.board.is_some()
    }

    fn config(&self) -> &'static ServerConfig<'static> {
        self.config
    }

    fn entry_at(&self, address: Ipv4Addr, now: Instant) -> Option<Entry> {
        let (leases, time) = self.board.as_ref()?.leases(now);
        leases.entry_at(address, time)
    }

    fn is_prompt(&self) -> bool {
        false
    }

    fn free_in(&self, subnet: SubnetIndex) -> u32 {
        let leases = self.board.as_ref().map(|board| board.leases(Instant::ZERO).0);
        leases.map_or(0, |leases| leases.room(subnet).0)
    }

    fn off(&mut self, desk: &mut Desk<'_>, down_ms: u32) {
        if let Some(board) = self.board.take() {
            self.chip = board.cut();
        }
        self.on_at = Some(desk.now.plus_millis(u64::from(down_ms)));
        desk.trace.count("board lost its power");
        desk.trace.tell(desk.now, || "the board loses its power".to_owned());
    }

    fn cut(&mut self, steps: u32, leaves: Leaves) {
        self.chip.cut_after(u64::from(steps), leaves);
    }

    fn settle(&mut self, now: Instant) {
        self.chip.power_on();
        if self.board.is_none() {
            self.on_at = Some(now);
        }
    }

    fn set_clock(&mut self, _ahead_secs: i32) {}

    fn take_jumped(&mut self) -> bool {
        false
    }

    fn timeout(&self) -> Option<Instant> {
        self.on_at.or(Some(self.wake_at))
    }

    fn wake(&mut self, desk: &mut Desk<'_>) -> bool {
        match self.on_at {
            Some(on_at) if on_at > desk.now => false,
            Some(_) => {
                self.chip.power_on();
                let buffers = Box::leak(Box::new(Buffers::new()));
                let board = Board::start(self.config, self.chip.clone(), buffers, desk.now, |_| {});
                self.board = Some(Box::new(board));
                (self.on_at, self.wake_at) = (None, desk.now.plus_millis(1));
                desk.trace.count("board started");
                desk.trace.tell(desk.now, || "the board starts".to_owned());
                true
            }
            None => {
                self.go_round(desk);
                false
            }
        }
    }

    fn receive(&mut self, desk: &mut Desk<'_>, _port: usize, frame: &[u8]) {
        let Some(board) = &mut self.board else { return };
        // A frame that is too long, or for which there is no room, is lost.
        if let Ok(frame) = Frame::from_slice(frame) {
            let _ = board.card.received.push_back(frame);
        }
        self.go_round(desk);
    }
}
