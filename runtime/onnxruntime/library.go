// Package onnxruntime puts ONNX Runtime behind runtime.Engine, through github.com/yalue/onnxruntime_go and the shared
// library that scripts/onnxruntime.sh gets from npm. It needs cgo; without, New says so.
package onnxruntime

import (
	"errors"
	"fmt"
	"os"

	"autodeeplab/internal/cachedir"
)

// Version is the release of ONNX Runtime that scripts/onnxruntime.sh fetches and the tests run against.
const Version = "1.30.0"

// Name is what --engine calls this engine.
const Name = "onnxruntime"

// ErrUnavailable is wrapped by every error that means the engine cannot be used in this process at all.
var ErrUnavailable = errors.New("ONNX Runtime is not available")

// EnvLibrary names the environment variable that overrides where the shared library is looked for.
const EnvLibrary = "AUTODEEPLAB_ONNXRUNTIME"

// Library finds the shared library: $AUTODEEPLAB_ONNXRUNTIME, or the cache folder that scripts/onnxruntime.sh fills.
// The error wraps ErrUnavailable and names the script.
func Library() (string, error) {
	if path := os.Getenv(EnvLibrary); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%w: $%s: %v", ErrUnavailable, EnvLibrary, err)
		}
		return path, nil
	}
	path, err := cachedir.Path("onnxruntime-"+Version, "libonnxruntime.so.1")
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: its shared library is not installed; run scripts/onnxruntime.sh, or set $%s to a libonnxruntime.so of version %s", ErrUnavailable, EnvLibrary, Version)
	}
	return path, nil
}
