// SPDX-License-Identifier: Apache-2.0

// Package control is how other programs talk to a running daemon: HTTP and
// JSON on a unix socket.
//
//	GET  /v1/status              [Status]
//	GET  /v1/instances/{name}/decisions   [Decision] list, newest last
//	POST /v1/reload              apply the configuration file again
//	POST /v1/plan                what a reload would do
//	POST /v1/failover            {"name":…,"seconds":…}
//	GET  /metrics                Prometheus text
//
//	curl --unix-socket /run/vrrpd/vrrpd.sock http://vrrpd/v1/status
//
// [Serve] needs a [Backend]; [Dial] makes the matching [Client].
package control
