// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/cloudprovider"
	"github.com/govrrp/vrrpd/internal/config"
)

// exitUnknown: nobody could tell who owns what when time was up.
const exitUnknown = 5

// claimOptions are shared by the claim and cloud commands.
type claimOptions struct {
	cloudprovider.Options
	ips, publicIPs, routes []string
	nic                    string
	create, dryRun, json   bool
	timeout                time.Duration
}

func (a *app) claimCommand() *cobra.Command {
	var o claimOptions
	c := &cobra.Command{
		Use:   "claim oci|aws|azure|auto",
		Short: "Move VIPs or routes to this node once, for notify_master scripts",
		Long: `Reads who owns each item, moves what is not this node's and reads again until
everything is. It works from keepalived's notify_master too:

    notify_master "/usr/bin/vrrpd claim oci --ip 10.0.0.4 --ip 10.0.1.4"

Exit code 0: everything was read to be this node's. 1: something is not, and why
is said. 5: time was up and nobody could tell.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.Provider = args[0]
			return a.claim(c.Context(), o)
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "do everything but the writes")
	return c
}

// flags are what names items and reaches a cloud.
func (o *claimOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.ips, "ip", nil, "virtual address, repeatable")
	f.StringArrayVar(&o.publicIPs, "public-ip", nil, "PUBLIC or PUBLIC=PRIVATE address to associate, repeatable")
	f.StringArrayVar(&o.routes, "route", nil, "TABLE=DESTINATION that should point at this node, repeatable")
	f.StringVar(&o.nic, "nic", "", "this node's interface: kernel name, MAC or the cloud's id")
	f.StringVar(&o.nic, "vnic-id", "", "the same, in OCI's words")
	f.StringVar(&o.nic, "eni", "", "the same, in AWS's words")
	f.BoolVar(&o.create, "create", false, "create routes that do not exist")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "give up after")
	for _, v := range []struct {
		to          *string
		flag, usage string
	}{
		{&o.Endpoint, "endpoint", "URL of the cloud's API"},
		{&o.MetadataEndpoint, "metadata-endpoint", "URL of the metadata service"},
		{&o.Region, "region", "region (default: this machine's)"},
		{&o.Profile, "profile", "profile of the SDK's configuration files"},
		{&o.CredentialsFile, "credentials-file", "credentials (default: where the SDK looks)"},
		{&o.Subscription, "subscription", "Azure subscription"},
		{&o.ResourceGroup, "resource-group", "Azure resource group"},
	} {
		name := config.CloudEnvironment + strings.ToUpper(strings.ReplaceAll(v.flag, "-", "_"))
		f.StringVar(v.to, v.flag, os.Getenv(name), v.usage+"; also "+name)
	}
}

// items are what the flags name.
func (o *claimOptions) items() ([]cloud.Item, error) {
	var items []cloud.Item
	var errs []error
	address := func(text string) netip.Addr {
		a, err := netip.ParseAddr(text)
		errs = append(errs, err)
		return a
	}
	for _, text := range o.ips {
		it := cloud.VIP(address(text))
		it.NIC = o.nic
		items = append(items, it)
	}
	for _, text := range o.publicIPs {
		public, private, paired := strings.Cut(text, "=")
		it := cloud.Item{Kind: cloud.PublicIP, Addr: address(public), NIC: o.nic}
		if paired {
			it.Target = address(private)
		}
		items = append(items, it)
	}
	for _, text := range o.routes {
		table, dest, ok := strings.Cut(text, "=")
		if !ok {
			errs = append(errs, fmt.Errorf("route %q is not TABLE=DESTINATION", text))
			continue
		}
		it := cloud.Item{Kind: cloud.Route, Table: table, NIC: o.nic, Create: o.create}
		if strings.HasPrefix(dest, "pl-") {
			it.PrefixList = dest
		} else {
			p, err := netip.ParsePrefix(dest)
			errs = append(errs, err)
			it.Dest = p
		}
		items = append(items, it)
	}
	if len(items) == 0 {
		errs = append(errs, errors.New("nothing to claim: --ip, --public-ip or --route"))
	}
	return items, errors.Join(errs...)
}

func (a *app) claim(ctx context.Context, o claimOptions) error {
	items, err := o.items()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	provider, err := cloudprovider.New(ctx, o.Options)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	conf := cloud.Config{
		Name: "claim", Provider: provider, Items: items,
		Limiter: cloud.NewLimiterWithRates(nil, cloudprovider.Rates(o.Provider)),
	}
	if o.dryRun {
		conf.Mode = cloud.ModeDryRun
	}
	s, err := cloud.Once(ctx, conf, cloud.CauseOperator, "vrrpd claim")
	if o.json {
		if e := printJSON(a.stdout, s); e != nil {
			return e
		}
	} else {
		for _, it := range s.Items {
			fmt.Fprintf(a.stdout, "%s\t%s\t%s\n", it.Key, it.Owner, it.Error)
		}
	}
	return claimed(s, err)
}

// claimed turns the last status into an exit code.
func claimed(s cloud.Status, err error) error {
	known := true
	for _, it := range s.Items {
		known = known && it.Owner != cloud.Unknown
	}
	switch {
	case err == nil && (s.State == cloud.StateHeld || s.State == cloud.StateWould):
		return nil
	case !known:
		return &exitError{exitUnknown, fmt.Errorf("nobody can tell: %s: %w", s.LastError, cmpErr(err))}
	}
	return &exitError{exitFailed, fmt.Errorf("not claimed: %s: %s", s.State, s.LastError)}
}

// cmpErr is err, or what it means that there is none.
func cmpErr(err error) error {
	if err == nil {
		return errors.New("gave up")
	}
	return err
}
