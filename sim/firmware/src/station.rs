//! What is done, again and again? Frames in, replies out, what time demands, and between them sleep. There is no DHCP in it: what is to be done, the
//! server says.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::config::ServerConfig;
use dhcp_core::server::{Probe, Scratch, Via};
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::Arp;

use crate::SUBNETS;
use crate::board::lan9118::{FRAME_LEN_MAX, Lan9118};
use crate::board::stack;
use crate::desk::{Desk, REPLY_LEN_MAX};
use crate::ip;
use crate::wire::{self, Incoming};

/// How often the depth of the stack is looked at, in seconds.
const STACK_SECS: u32 = 10;

/// Memory for a message, its reply and the frames around both.
#[derive(Debug)]
pub struct Buffers {
    /// For what a message's options say in parts.
    pub scratch: Scratch,
    /// For the reply, without its frame.
    pub reply: [u8; REPLY_LEN_MAX],
    /// For the frame that came.
    pub frame_in: [u8; FRAME_LEN_MAX],
    /// For the frame that is sent.
    pub frame_out: [u8; FRAME_LEN_MAX],
}

impl Buffers {
    /// Empty. All of it is zero, so that a program has no octets for it.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            scratch: Scratch::new(),
            reply: [0; REPLY_LEN_MAX],
            frame_in: [0; FRAME_LEN_MAX],
            frame_out: [0; FRAME_LEN_MAX],
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

/// The board on its network.
#[derive(Debug)]
pub struct Station<'c> {
    desk: Desk<'c>,
    ethernet: Lan9118,
    /// Our addresses; unspecified ones behind them.
    ours: [Ipv4Addr; SUBNETS],
    frame_in: &'static mut [u8; FRAME_LEN_MAX],
    frame_out: &'static mut [u8; FRAME_LEN_MAX],
    stack_at: Instant,
    stack_used: usize,
}

impl<'c> Station<'c> {
    /// A station that serves what the configuration says.
    pub fn new(
        config: &ServerConfig<'_>,
        desk: Desk<'c>,
        ethernet: Lan9118,
        now: Instant,
        frame_in: &'static mut [u8; FRAME_LEN_MAX],
        frame_out: &'static mut [u8; FRAME_LEN_MAX],
    ) -> Self {
        let mut ours = [Ipv4Addr::UNSPECIFIED; SUBNETS];
        let known = config.subnets.iter().filter_map(|subnet| subnet.server_id);
        ours.iter_mut().zip(known).for_each(|(place, address)| *place = address);
        Self { desk, ethernet, ours, frame_in, frame_out, stack_at: now, stack_used: 0 }
    }

    /// One round: a frame if one is there, else what time demands, else sleep.
    pub fn round(&mut self, now: Instant) {
        let idle = !self.take_frame(now);
        while let Some(Probe { address, via }) = self.desk.probe(now) {
            // Every subnet of an image is attached; what is reached through relay agents only is not asked about.
            let Via::Arp(link) = via else { continue };
            let probe = Arp::probe(self.ethernet.mac(), address);
            if let Some(len) = probe.write_frame(link.vlan, self.frame_out) {
                self.ethernet.send(self.frame_out.get(..len).unwrap_or_default());
            }
        }
        // A frame that waits is looked at before work that nobody waits for.
        if idle && !self.desk.tidy(now) {
            self.look_at_stack(now);
            self.ethernet.sleep();
        }
    }

    fn take_frame(&mut self, now: Instant) -> bool {
        let Some(frame) = self.ethernet.receive(self.frame_in) else { return false };
        match Incoming::of(frame) {
            Incoming::Dhcp(asker, udp) => {
                let ingress = wire::ingress(&asker, &udp, &self.ours);
                let Some((transmit, message)) = self.desk.answer(now, &ingress, udp.payload) else {
                    return true;
                };
                let mac = self.ethernet.mac();
                let len = wire::write_reply(&transmit, message, &asker, mac, self.frame_out);
                let len = len.expect("the longest reply fits into a frame");
                self.ethernet.send(self.frame_out.get(..len).unwrap_or_default());
                return true;
            }
            Incoming::Arp(arp) => {
                // Also a stranger's probe for an address tells that somebody is about to use it, but it does not have it yet.
                if !arp.sender.is_unspecified() {
                    self.desk.heard(now, arp.sender, HardwareAddr::ethernet(arp.sender_mac));
                }
            }
            Incoming::Other => {}
        }
        if let Some(len) = ip::answer(frame, self.ethernet.mac(), &self.ours, self.frame_out) {
            self.ethernet.send(self.frame_out.get(..len).unwrap_or_default());
        }
        true
    }

    fn look_at_stack(&mut self, now: Instant) {
        if self.stack_at > now {
            return;
        }
        self.stack_at = now.plus_secs(STACK_SECS);
        let used = stack::used();
        if used > self.stack_used {
            self.stack_used = used;
            defmt::info!("stack: {=usize} of {=usize} octets", used, stack::room());
        }
    }
}
