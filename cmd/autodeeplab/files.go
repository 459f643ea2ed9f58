package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// job is one picture and where its results go: base is the path that "_mask.png", "_overlay.png" and ".json" are added to.
type job struct {
	photo, base string
}

// pictureEndings are the file names that a folder's pictures have; a file named on the command line may have any.
var pictureEndings = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}

// collect turns the command line's files and folders into jobs, in the order given, a folder's pictures by name. With
// recursive, results of subfolders go to subfolders of out. It is an error if a folder holds no picture, or if two
// pictures would write the same files.
func collect(paths []string, out string, recursive bool) ([]job, error) {
	var jobs []job
	add := func(photo, under string) {
		name := strings.TrimSuffix(filepath.Base(photo), filepath.Ext(photo))
		jobs = append(jobs, job{photo: photo, base: filepath.Join(out, under, name)})
	}
	for _, path := range paths {
		info, err := stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			add(path, "")
			continue
		}
		photos, err := picturesIn(path, out, recursive)
		if err != nil {
			return nil, err
		}
		if len(photos) == 0 {
			hint := "; --recursive looks into its subfolders"
			if recursive {
				hint = ""
			}
			return nil, fmt.Errorf("%s: no pictures in this folder (%s)%s", path, strings.Join(pictureEndings, ", "), hint)
		}
		for _, photo := range photos {
			add(photo, relativeDir(path, photo))
		}
	}
	from := make(map[string]string)
	for _, j := range jobs {
		if other, twice := from[j.base]; twice && other != j.photo {
			return nil, fmt.Errorf("%s and %s would both write %s_mask.png; run them into different folders (-o)", other, j.photo, j.base)
		} else if twice {
			return nil, fmt.Errorf("%s is given twice", j.photo)
		}
		from[j.base] = j.photo
	}
	return jobs, nil
}

func relativeDir(folder, photo string) string {
	rel, err := filepath.Rel(folder, filepath.Dir(photo))
	if err != nil {
		return ""
	}
	return rel
}

// picturesIn lists a folder's pictures in the order of their names. Hidden files are left out, and so are masks and
// overlays of an earlier run that wrote into this very folder or below it.
func picturesIn(folder, out string, recursive bool) ([]string, error) {
	var photos []string
	outInfo, outErr := os.Stat(out)
	isOut := func(dir string) bool {
		info, err := os.Stat(dir)
		return err == nil && outErr == nil && os.SameFile(info, outInfo)
	}
	ownResults := isOut(folder)
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case path == folder:
			return nil
		case strings.HasPrefix(name, "."), d.IsDir() && (!recursive || isOut(path)):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || !slices.Contains(pictureEndings, strings.ToLower(filepath.Ext(name))):
			return nil
		case ownResults && (strings.HasSuffix(name, maskEnding) || strings.HasSuffix(name, overlayEnding)):
			return nil
		}
		photos = append(photos, path)
		return nil
	})
	return photos, err
}

// stat is os.Stat, whose error names the system call.
func stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return nil, fmt.Errorf("%s: %w", path, pathErr.Err)
	}
	return info, err
}

// checkOutput checks the .onnx file that a command is to write.
func checkOutput(cmd *cobra.Command, out string) error {
	if out == "" {
		return usagef("%s needs a file to write: -o NET.onnx", cmd.Name())
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return usagef("-o %s: it is a folder, want a file, as %s", out, filepath.Join(out, "net.onnx"))
	}
	return nil
}

// makeDir makes the folder that results go to.
func makeDir(dir string) error {
	err := os.MkdirAll(dir, 0o777)
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return fmt.Errorf("cannot make the folder %s: %w", dir, pathErr.Err)
	}
	return err
}
