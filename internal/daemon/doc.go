// SPDX-License-Identifier: Apache-2.0

// Package daemon wires a configuration to a running host: it translates the
// keepalived dialect into an engine, Linux ports, trackers and notification
// lanes, answers the control socket, and turns signals into reloads and stops.
// It decides nothing about VRRP.
package daemon
