//go:build !amd64 || noasm

package kernel

func asmMicroKernels() []*microKernel { return nil }
