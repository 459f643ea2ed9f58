package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"autodeeplab/onnx/tensor"
)

// A full disk must leave the old pair of files as it was. It takes a file system of its own, which only root can
// mount; TestFailedSaveLeavesNothing covers the same paths for everyone else.
func TestSaveOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Logf("cannot mount a small file system here (%v); nothing more to test", err)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "net.onnx")
	old := addModel(1000)
	for _, o := range []SaveOptions{{External: ExternalAlways}, {External: ExternalNever}} {
		for _, name := range []string{"net.onnx", "net.onnx.data"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := Save(path, old, o); err != nil {
			t.Fatal(err)
		}
		before := files(t, dir)
		big := addModel(1000)
		big.Graph.Initializer[0] = Encode("w", tensor.Of(make([]float32, 1<<18), 1<<18))
		if err := Save(path, big, o); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("saving 1 MiB into 256 KiB gives %v", err)
		}
		if after := files(t, dir); after != before {
			t.Errorf("the folder held %s and now holds %s", before, after)
		}
		have, err := Load(path, LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, old, have)
	}
}
