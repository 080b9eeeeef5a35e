// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/govrrp/vrrpd/cloud"
)

// errorRules turns EC2's codes into classes. EC2 uses several statuses for one
// code, so only the code counts.
var errorRules = []cloud.Rule{
	{Code: "RequestLimitExceeded", Class: cloud.ClassThrottle},
	{Code: "Throttling", Class: cloud.ClassThrottle},
	{Code: "ThrottlingException", Class: cloud.ClassThrottle},
	{Code: "EC2ThrottledException", Class: cloud.ClassThrottle},
	{Code: "TooManyRequestsException", Class: cloud.ClassThrottle},

	{Code: "RequestExpired", Class: cloud.ClassCredentials},
	{Code: "ExpiredToken", Class: cloud.ClassCredentials},
	{Code: "ExpiredTokenException", Class: cloud.ClassCredentials},
	{Code: "AuthFailure", Class: cloud.ClassCredentials},
	{Code: "InvalidClientTokenId", Class: cloud.ClassCredentials},
	{Code: "SignatureDoesNotMatch", Class: cloud.ClassCredentials},
	{Code: "UnrecognizedClientException", Class: cloud.ClassCredentials},
	{Code: "MissingAuthenticationToken", Class: cloud.ClassCredentials},

	{Code: "UnauthorizedOperation", Class: cloud.ClassDenied},
	{Code: "AccessDenied", Class: cloud.ClassDenied},
	{Code: "AccessDeniedException", Class: cloud.ClassDenied},
	{Code: "OperationNotPermitted", Class: cloud.ClassDenied},
	{Code: "OptInRequired", Class: cloud.ClassDenied},

	{Code: "InvalidIPAddress.InUse", Class: cloud.ClassOccupied},
	{Code: "Resource.AlreadyAssociated", Class: cloud.ClassOccupied},
	{Code: "RouteAlreadyExists", Class: cloud.ClassConflict},
	{Code: "IncorrectState", Class: cloud.ClassBusy},
	{Code: "IncorrectInstanceState", Class: cloud.ClassBusy},

	{Code: "PrivateIpAddressLimitExceeded", Class: cloud.ClassLimit},
	{Code: "AddressLimitExceeded", Class: cloud.ClassLimit},
	{Code: "RouteLimitExceeded", Class: cloud.ClassLimit},
	{Code: "ResourceCountExceeded", Class: cloud.ClassLimit},

	{Code: "InvalidNetworkInterfaceID.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidNetworkInterface.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidRoute.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidRouteTableID.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidRouteTableId.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidAllocationID.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidAddress.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidPrefixListID.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidInstanceID.NotFound", Class: cloud.ClassAbsent},
	{Code: "InvalidSubnetID.NotFound", Class: cloud.ClassAbsent},
}

// classify gives an API error its class. InvalidParameterValue is EC2's word
// for many things; its message, or the operation, tells them apart.
func classify(op string, status int, code, message string) cloud.Class {
	if code == "InvalidParameterValue" {
		switch {
		case strings.Contains(message, "move is not allowed"):
			return cloud.ClassOccupied
		case op == "UnassignIpv6Addresses", op == "AssociateAddress":
			// The address is not where it was read to be, or not here yet.
			return cloud.ClassConflict
		}
	}
	return cloud.Classify(errorRules, status, code)
}

// classified wraps an error of the SDK. A reply that could not be understood
// is of class Unknown whatever its status.
func classified(op string, err error) error {
	if errors.Is(err, cloud.ErrFenced) || errors.Is(err, cloud.ErrDryRun) {
		return err
	}
	e := &cloud.Error{Op: op, Err: plain(err)}
	var re *awshttp.ResponseError
	var he *smithyhttp.ResponseError
	switch {
	case errors.As(err, &re):
		e.Status, e.RequestID = re.HTTPStatusCode(), re.ServiceRequestID()
	case strings.HasPrefix(op, opMetadata) && errors.As(err, &he):
		e.Status = he.HTTPStatusCode()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return e
	}
	code, message := api.ErrorCode(), api.ErrorMessage()
	e.Code, e.Class = code, classify(op, e.Status, code, message)
	// The encoded part is a page of base64 that only an administrator can read.
	message, _, _ = strings.Cut(message, "Encoded authorization failure message")
	e.Err = errors.New(strings.TrimSpace(message))
	if code == "" || code == "UnknownError" {
		e.Class = cloud.ClassUnknown
	}
	if e.Class == cloud.ClassDenied {
		e.Permission = "ec2:" + op
	}
	return e
}

// plain unwraps the SDK's layers, which say "operation error EC2" at length.
func plain(err error) error {
	if oe, ok := err.(*smithy.OperationError); ok {
		err = oe.Err
	}
	var se *smithyhttp.RequestSendError
	if errors.As(err, &se) && !errors.Is(err, context.DeadlineExceeded) {
		err = se.Err
	}
	return err
}

// errIncomplete is a reply in which a needed member is missing. To take it for
// an empty list would be to believe that nobody holds anything.
var errIncomplete = errors.New("the reply lacks a member that was to be there")

func incomplete(op, member string, md middleware.Metadata) error {
	id, _ := awsmiddleware.GetRequestIDMetadata(md)
	return &cloud.Error{Op: op, Status: 200, RequestID: id, Err: fmt.Errorf("%w: %s", errIncomplete, member)}
}

func invalid(op, format string, args ...any) error {
	return &cloud.Error{Class: cloud.ClassInvalid, Op: op, Err: fmt.Errorf(format, args...)}
}

func absent(op, format string, args ...any) error {
	return &cloud.Error{Class: cloud.ClassAbsent, Op: op, Err: fmt.Errorf(format, args...)}
}
