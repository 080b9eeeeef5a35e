// SPDX-License-Identifier: Apache-2.0

// Package transcript plays the readable test sessions of vrrp and engine, and
// reads what their commands share: a router's configuration and a received
// advert, each in words a network engineer would write.
//
//	router priority=100 version=3 interval=1s source=192.0.2.2 vip=192.0.2.9
//	recv from=192.0.2.1 priority=200
//
// Only tests may import it.
package transcript
