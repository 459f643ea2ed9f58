package main

import (
	"context"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/imageio"
)

// finding is NAME.json: what a network found in one picture.
type finding struct {
	Image       string `json:"image"`
	Width       int    `json:"width"` // upright
	Height      int    `json:"height"`
	Orientation int    `json:"exif_orientation"`
	Model       string `json:"model"`
	Engine      string `json:"engine"`
	Input       struct {
		Width         int `json:"width"`
		Height        int `json:"height"`
		ContentWidth  int `json:"content_width"` // the part that the picture fills, at the top left
		ContentHeight int `json:"content_height"`
	} `json:"input"`
	Dataset    string       `json:"dataset,omitempty"`
	NumClasses int          `json:"num_classes"`
	Classes    []classShare `json:"classes"` // those found, by id
}

type classShare struct {
	ID     int     `json:"id"`
	Name   string  `json:"name"`
	Pixels int     `json:"pixels"`
	Share  float64 `json:"share"` // of the picture's pixels, 0 to 1
}

// find segments a picture and counts what was found.
func (n *network) find(ctx context.Context, p *imageio.Picture, maxSide int) (*finding, *imageio.Mask, error) {
	m, fit, err := n.segment(ctx, p, maxSide)
	if err != nil {
		return nil, nil, err
	}
	r := &finding{
		Width: p.Width(), Height: p.Height(), Orientation: p.Orientation,
		Model: n.path, Engine: n.engine,
		Dataset: n.classes.Name, NumClasses: n.classes.Len(), Classes: []classShare{},
	}
	r.Input.Width, r.Input.Height = fit.InputW, fit.InputH
	r.Input.ContentWidth, r.Input.ContentHeight = fit.ContentW, fit.ContentH
	for id, pixels := range m.Counts() {
		if pixels == 0 {
			continue
		}
		name := fmt.Sprintf("class %d", id)
		switch {
		case id < n.classes.Len():
			name = n.classes.ClassNames[id]
		case id == int(n.classes.IgnoreLabel):
			name = "ignored"
		}
		share := float64(pixels) / float64(len(m.Labels))
		r.Classes = append(r.Classes, classShare{id, name, pixels, math.Round(share*1e6) / 1e6})
	}
	return r, m, nil
}

// write writes the mask, the overlay and the report, each whole or not at all.
func (r *finding) write(base string, p *imageio.Picture, m *imageio.Mask, palette []color.RGBA, alpha float64) error {
	text, err := jsonText(r)
	if err != nil {
		return err
	}
	if err := imageio.WriteMask(base+maskEnding, m, palette); err != nil {
		return err
	}
	if err := imageio.WriteOverlay(base+overlayEnding, p, m, palette, alpha); err != nil {
		return err
	}
	return atomicfile.WriteBytes(base+reportEnding, text)
}

// line sums a report up: the picture, the mask, and its most frequent classes.
func (r *finding) line(j job) string {
	return fmt.Sprintf("%s %d×%d → %s%s (%s)", j.photo, r.Width, r.Height, j.base, maskEnding, r.top(3))
}

// top lists the n most frequent classes with their shares.
func (r *finding) top(n int) string {
	byPixels := slices.Clone(r.Classes)
	slices.SortStableFunc(byPixels, func(a, b classShare) int { return b.Pixels - a.Pixels })
	var parts []string
	for _, c := range byPixels[:min(n, len(byPixels))] {
		parts = append(parts, fmt.Sprintf("%s %.1f %%", c.Name, 100*c.Share))
	}
	if more := len(byPixels) - n; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}
