//go:build !cgo

package onnxruntime

import (
	"fmt"

	"autodeeplab/runtime"
)

// New reports that this program was built without cgo.
func New() (runtime.Engine, error) {
	return nil, fmt.Errorf("%w: this program was built without cgo; build it with CGO_ENABLED=1 and a C compiler", ErrUnavailable)
}
