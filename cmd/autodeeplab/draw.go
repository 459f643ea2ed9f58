package main

import (
	"bytes"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"autodeeplab/decode"
	"autodeeplab/decode/draw"
	"autodeeplab/internal/atomicfile"
)

var figureFormats = []string{"svg", "png"}

func newDrawCommand(a *app) *cobra.Command {
	var out string
	var formats []string
	var dpi int
	cmd := &cobra.Command{
		Use:   "draw [ARCHITECTURE.json | NET.onnx] -o DIR",
		Short: "Draw an architecture: its path of resolutions and its cell",
		Long: `draw makes the two figures of the Auto-DeepLab paper for any architecture: trellis (the resolutions
and the path through them) and cell (its blocks and their operators), each as .svg and .png. Where no
architecture is named, it is the published one. An .onnx must carry its architecture in its metadata, as
the networks that compile writes do.`,
		Example: `  autodeeplab draw -o figures/
  autodeeplab draw found.json -o figures/ --format png --dpi 200`,
		Args: arguments(0, 1, "at most one architecture"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("draw needs a folder for the figures: -o DIR")
			}
			if len(formats) == 0 {
				return usagef("--format: want %s", orList(figureFormats))
			}
			for _, f := range formats {
				if !slices.Contains(figureFormats, f) {
					return usagef("--format %s: want %s", f, orList(figureFormats))
				}
			}
			arch, err := a.readArchitecture(args)
			if err != nil {
				return err
			}
			paths, err := drawFigures(arch, out, formats, dpi)
			for _, p := range paths {
				a.printf("%s\n", p)
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "folder for the figures, made if missing")
	cmd.Flags().StringSliceVar(&formats, "format", figureFormats, "formats to write, with commas between")
	cmd.Flags().IntVar(&dpi, "dpi", draw.DefaultDPI, "resolution of the PNG, dots an inch")
	nameArguments(cmd.Flags(), "output", "DIR", "format", "LIST", "dpi", "N")
	completeWith(cmd, "format", figureFormats)
	return cmd
}

// drawFigures writes both figures in every format and returns the paths of those that it has written. All are drawn
// before the first is written, so that a figure that cannot be drawn leaves no half of the set.
func drawFigures(arch *decode.Architecture, dir string, formats []string, dpi int) ([]string, error) {
	type file struct {
		path string
		data []byte
	}
	var files []file
	for _, figure := range []struct {
		name string
		make func(*decode.Architecture) *draw.Figure
	}{{"trellis", draw.Trellis}, {"cell", draw.Cell}} {
		f := figure.make(arch)
		for _, format := range formats {
			var b bytes.Buffer
			var err error
			if format == "svg" {
				err = f.WriteSVG(&b)
			} else {
				err = f.WritePNG(&b, dpi)
			}
			if err != nil {
				return nil, err
			}
			files = append(files, file{filepath.Join(dir, figure.name+"."+format), b.Bytes()})
		}
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range files {
		if err := atomicfile.WriteBytes(f.path, f.data); err != nil {
			return paths, err
		}
		paths = append(paths, f.path)
	}
	return paths, nil
}
