// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package demo

import (
	"context"
	"errors"
	"io"
)

// The hidden commands of the demonstration in namespaces.
const (
	LabCommand    = "demo-lab"
	RouterCommand = "demo-router"
)

// ErrNoNamespaces says that this system has no network namespaces.
var ErrNoNamespaces = errors.New("this system has no network namespaces")

// Run returns [ErrNoNamespaces].
func Run(context.Context, io.Writer) error { return ErrNoNamespaces }

// Lab returns [ErrNoNamespaces].
func Lab(context.Context, string, io.Writer) error { return ErrNoNamespaces }

// Router returns [ErrNoNamespaces].
func Router(string, io.Reader, func() error) error { return ErrNoNamespaces }
