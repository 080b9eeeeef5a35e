// SPDX-License-Identifier: Apache-2.0

package config

// Host answers questions about the host the configuration is for.
type Host interface{}

func (b *builder) host() {}
