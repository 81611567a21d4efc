//go:build tools

// Package tools pins Pulumi's Python language host, which left the sdk/v3 module after v3.68.0.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
