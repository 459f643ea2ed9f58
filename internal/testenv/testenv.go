// Package testenv helps tests: it counts goroutines, and finds what the tests with build tag oracle compare against: files that scripts/ puts into the cache
// folder. A missing one fails the test with the name of the script, so that no gap goes unseen.
package testenv

import (
	"os"
	"testing"

	"autodeeplab/internal/cachedir"
)

// ONNXTestData is the folder of ONNX's backend tests (node/, simple/, pytorch-operator/ …).
func ONNXTestData(t testing.TB) string {
	t.Helper()
	path, err := cachedir.Path("onnx-testdata")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run scripts/onnx-testdata.sh first (scripts/test does)", err)
	}
	return path
}
