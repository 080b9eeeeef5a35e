// SPDX-License-Identifier: Apache-2.0

package config

// lint looks at the finished model for what works and is still a mistake.
func (b *builder) lint() {}
