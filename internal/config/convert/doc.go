// SPDX-License-Identifier: Apache-2.0

// Package convert writes a keepalived.conf from the configuration of other routers: Vyatta (IBM Virtual Router Appliance, DANOS),
// VyOS, and VNS3's HA plugin.
//
//	res, err := convert.Convert(convert.VyOS, "config.boot", text)
//	os.Stdout.WriteString(res.Text)
//	for _, l := range res.Left {
//		fmt.Fprintf(os.Stderr, "line %d: %s: %s\n", l.Line, l.Text, l.Why)
//	}
//
// Vyatta and VyOS are read in both of their forms, set commands and brace trees. Every line of the output names the line it comes
// from. What has no counterpart is in Result.Left and, as comments, at the end of the text; nothing is dropped in silence. The package
// writes text only: reading it back with package config is the caller's check.
package convert
