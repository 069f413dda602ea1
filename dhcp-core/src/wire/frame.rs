//! How does a message travel on a segment? Ethernet, 802.1Q, IPv4, UDP and ARP, with their checksums.
