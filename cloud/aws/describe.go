// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// maxFilterValues is EC2's bound on the values of one filter.
const maxFilterValues = 200

// maxPages bounds what a reply can make us read.
const maxPages = 100

// filter makes one filter with its values sorted, each once.
func filter(name string, values ...string) types.Filter {
	values = slices.Clone(values)
	slices.Sort(values)
	return types.Filter{Name: awssdk.String(name), Values: slices.Compact(values)}
}

// filtered refuses a description that would not be limited: EC2 answers those
// slowly, from a smaller budget, and with everything in the account.
func filtered(op string, filters []types.Filter) error {
	for _, f := range filters {
		if len(f.Values) > 0 {
			return nil
		}
	}
	return invalid(op, "no filter")
}

func describeInterfaces(ctx context.Context, api *ec2.Client, filters ...types.Filter) ([]types.NetworkInterface, error) {
	const op = "DescribeNetworkInterfaces"
	if err := filtered(op, filters); err != nil {
		return nil, err
	}
	var all []types.NetworkInterface
	in := &ec2.DescribeNetworkInterfacesInput{Filters: filters}
	for range maxPages {
		out, err := api.DescribeNetworkInterfaces(ctx, in)
		if err != nil {
			return nil, classified(op, err)
		}
		if out.NetworkInterfaces == nil {
			return nil, incomplete(op, "networkInterfaceSet", out.ResultMetadata)
		}
		all = append(all, out.NetworkInterfaces...)
		if in.NextToken = out.NextToken; awssdk.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
	return nil, invalid(op, "more than %d pages", maxPages)
}

func describeTables(ctx context.Context, api *ec2.Client, filters ...types.Filter) ([]types.RouteTable, error) {
	const op = "DescribeRouteTables"
	if err := filtered(op, filters); err != nil {
		return nil, err
	}
	var all []types.RouteTable
	in := &ec2.DescribeRouteTablesInput{Filters: filters}
	for range maxPages {
		out, err := api.DescribeRouteTables(ctx, in)
		if err != nil {
			return nil, classified(op, err)
		}
		if out.RouteTables == nil {
			return nil, incomplete(op, "routeTableSet", out.ResultMetadata)
		}
		all = append(all, out.RouteTables...)
		if in.NextToken = out.NextToken; awssdk.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
	return nil, invalid(op, "more than %d pages", maxPages)
}

func describeAddresses(ctx context.Context, api *ec2.Client, public []string) ([]types.Address, error) {
	const op = "DescribeAddresses"
	filters := []types.Filter{filter("public-ip", public...)}
	if err := filtered(op, filters); err != nil {
		return nil, err
	}
	out, err := api.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: filters})
	if err != nil {
		return nil, classified(op, err)
	}
	if out.Addresses == nil {
		return nil, incomplete(op, "addressesSet", out.ResultMetadata)
	}
	return out.Addresses, nil
}
