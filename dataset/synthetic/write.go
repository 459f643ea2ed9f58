package synthetic

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"autodeeplab/internal/atomicfile"
)

// Options are the choices of Write.
type Options struct {
	Train, Val    int // pictures of each split
	Height, Width int // of each, MinSide to MaxSide
	Seed          uint64
	// Workers is how many goroutines paint, 0 meaning one a processor. Files do not depend on it.
	Workers int
	// Progress, if not nil, is told how many of the pictures are there. It may be called by several goroutines.
	Progress func(done, all int)
}

// MinSide and MaxSide bound the sides of the pictures.
const (
	MinSide = 16
	MaxSide = 8192
)

// recipe is what the files of a set are a function of. It stands in the set's folder, so that a second Write knows what it
// finds there.
type recipe struct {
	Version int    `json:"version"` // of the painter: to be raised when pictures change
	Train   int    `json:"train"`
	Val     int    `json:"val"`
	Height  int    `json:"height"`
	Width   int    `json:"width"`
	Seed    uint64 `json:"seed"`
}

const (
	version    = 1
	recipeFile = "synthetic.json"
	quality    = 92 // of the JPEGs
)

// Write makes a set in the folder dir, in the plain layout that dataset.Open reads: images/train, labels/train, images/val,
// labels/val and classes.json, which comes last, so that what was interrupted is no set yet. A folder that holds part of
// the same set, by synthetic.json, is completed; one that holds anything else is an error and left alone.
func Write(ctx context.Context, dir string, o Options) error {
	if o.Train < 1 || o.Val < 1 {
		return fmt.Errorf("%d images to train on and %d to validate, want at least 1 of each", o.Train, o.Val)
	}
	if min(o.Height, o.Width) < MinSide || max(o.Height, o.Width) > MaxSide {
		return fmt.Errorf("images of %d×%d (height × width), want sides of %d to %d pixels", o.Height, o.Width, MinSide, MaxSide)
	}
	if err := claim(dir, recipe{version, o.Train, o.Val, o.Height, o.Width, o.Seed}); err != nil {
		return err
	}
	for _, kind := range []string{"images", "labels"} {
		for _, split := range []string{"train", "val"} {
			if err := os.MkdirAll(filepath.Join(dir, kind, split), 0o777); err != nil {
				return err
			}
		}
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	all := o.Train + o.Val
	errs := make([]error, all)
	var next, done atomic.Int64
	var wait sync.WaitGroup
	for range min(o.Workers, all) {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= all {
					return
				}
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = writeOne(dir, i, o)
				}
				if errs[i] != nil {
					next.Store(int64(all)) // those before i are under way and may still report an earlier error
					return
				}
				if d := done.Add(1); o.Progress != nil {
					o.Progress(int(d), all)
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return writeClasses(dir)
}

// claim makes the folder and puts the recipe there, or finds the same one there already.
func claim(dir string, want recipe) error {
	text, err := json.Marshal(want)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	path := filepath.Join(dir, recipeFile)
	found, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(found, text):
		return nil
	case err == nil:
		return fmt.Errorf("%s: another synthetic set is there (%s), want an empty folder or the same options", dir, bytes.TrimSpace(found[:min(len(found), 200)]))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for _, name := range []string{"images", "labels", "classes.json"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s: there is a %s already, want an empty folder", dir, name)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, text)
}

// writeOne paints picture i, unless it is there. The validation pictures follow those of training, so that no two are the
// same.
func writeOne(dir string, i int, o Options) error {
	split, number := "train", i
	if i >= o.Train {
		split, number = "val", i-o.Train
	}
	photo := filepath.Join(dir, "images", split, fmt.Sprintf("%05d.jpg", number))
	label := filepath.Join(dir, "labels", split, fmt.Sprintf("%05d.png", number))
	if exists(photo) && exists(label) {
		return nil
	}
	picture, labels := Render(o.Seed, i, o.Height, o.Width)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: quality}); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(photo, b.Bytes()); err != nil {
		return err
	}
	b.Reset()
	if err := png.Encode(&b, &image.Paletted{Pix: labels, Stride: o.Width, Rect: picture.Rect, Palette: palette()}); err != nil {
		return err
	}
	return atomicfile.WriteBytes(label, b.Bytes())
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func palette() color.Palette {
	var p color.Palette
	for _, c := range classes {
		b, err := hex.DecodeString(c.colour)
		if err != nil {
			panic("synthetic: colour " + c.colour) // unreachable: the table is in this package, and tested
		}
		p = append(p, color.RGBA{b[0], b[1], b[2], 255})
	}
	return p
}

func writeClasses(dir string) error {
	var file struct {
		Classes []string `json:"classes"`
		Palette []string `json:"palette"`
	}
	for _, c := range classes {
		file.Classes = append(file.Classes, c.name)
		file.Palette = append(file.Palette, c.colour)
	}
	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, "classes.json"), append(text, '\n'))
}
