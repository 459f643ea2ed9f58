//go:build noasm || !amd64

package kernel

func asmByteKernels() []*byteKernel { return nil }
