//go:build !unix

package onnx

import "io/fs"

// linkCount is 1 where the system does not tell.
func linkCount(fs.FileInfo) uint64 { return 1 }
