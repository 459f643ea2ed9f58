//go:build !amd64 || noasm

package kernel

func asmVectors() []*vectorAsm { return nil }
