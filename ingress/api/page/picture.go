package page

import (
	"fmt"
	"html/template"
	"strings"
)

// diagram is the states of a workflow as boxes in a grid, and the ways between them.
type diagram struct {
	boxes []box
	ways  []way
}

type box struct {
	state       string
	column, row int
}

// way is a line from one box to another; curved ones leave room for the way back.
type way struct{ from, to string }

var diagrams = map[string]diagram{
	"case": {
		boxes: []box{
			{"CREATING", 0, 0},
			{"CREATE_UNCERTAIN", 0, 1},
			{"RUNNING", 1, 0},
			{"INPUT_NEEDED", 1, 1},
			{"INPUT_SENT", 1, 2},
			{"COMPLETED", 2, 0},
			{"FAILED", 2, 1},
			{"EXPIRED", 2, 2},
			{"CANCELLED", 0, 2},
		},
		ways: []way{
			{"CREATING", "RUNNING"},
			{"CREATING", "CREATE_UNCERTAIN"},
			{"CREATE_UNCERTAIN", "RUNNING"},
			{"RUNNING", "INPUT_NEEDED"},
			{"INPUT_NEEDED", "INPUT_SENT"},
			{"INPUT_SENT", "RUNNING"},
			{"RUNNING", "COMPLETED"},
			{"RUNNING", "FAILED"},
		},
	},
	"activation": {
		boxes: []box{{"UNKNOWN", 0, 0}, {"ACTIVE", 1, 0}, {"PAUSED", 1, 1}, {"DEACTIVATED", 2, 0}},
		ways:  []way{{"UNKNOWN", "ACTIVE"}, {"ACTIVE", "PAUSED"}, {"PAUSED", "ACTIVE"}, {"ACTIVE", "DEACTIVATED"}, {"PAUSED", "DEACTIVATED"}},
	},
}

// Sizes in the picture's own units.
const (
	boxWidth, boxHeight   = 124, 30
	columnStep, rowStep   = 158, 56
	pictureEdge           = 4
	besideWay, cornerSize = 14, 6
	// backTo is how far above a box's lower edge a way back ends: below the middle, where the other ways begin.
	backTo = 5
)

func (b box) x() int { return pictureEdge + b.column*columnStep }
func (b box) y() int { return pictureEdge + b.row*rowStep }

// picture draws the states of a workflow with the current one marked. The text says the same to those who don't see it.
func picture(of string, current any) template.HTML {
	d, state := diagrams[of], fmt.Sprint(current)
	at, rows, columns := map[string]box{}, 0, 0
	for _, b := range d.boxes {
		at[b.state], rows, columns = b, max(rows, b.row+1), max(columns, b.column+1)
	}
	if _, known := at[state]; !known {
		return ""
	}
	width := 2*pictureEdge + (columns-1)*columnStep + boxWidth
	height := 2*pictureEdge + (rows-1)*rowStep + boxHeight
	var svg strings.Builder
	// All that is written below is of the tables above.
	fmt.Fprintf(&svg, `<svg class="picture" role="img" aria-label="Picture of the states; the current one is %s" viewBox="0 0 %d %d" width="%d" height="%d">`,
		word(state), width, height, width, height)
	svg.WriteString(`<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>`)
	for _, w := range d.ways {
		svg.WriteString(line(at[w.from], at[w.to]))
	}
	for _, b := range d.boxes {
		class := "box"
		if b.state == state {
			class = "box now"
		}
		fmt.Fprintf(&svg, `<g class="%s"><rect x="%d" y="%d" width="%d" height="%d" rx="%d"/><text x="%d" y="%d">%s</text></g>`,
			class, b.x(), b.y(), boxWidth, boxHeight, cornerSize, b.x()+boxWidth/2, b.y()+boxHeight/2+4, word(b.state))
	}
	svg.WriteString(`</svg>`)
	return template.HTML(svg.String()) //nolint:gosec // it is made of the tables above alone
}

// line is the way between two boxes: straight between neighbours, beside the boxes where it goes back up.
func line(from, to box) string {
	const form = `<path class="way" marker-end="url(#tip)" d="%s"/>`
	middleX, middleY := from.x()+boxWidth/2, from.y()+boxHeight/2
	switch {
	case from.column == to.column && to.row == from.row+1: // down
		return fmt.Sprintf(form, fmt.Sprintf("M%d %dV%d", middleX-besideWay/2, from.y()+boxHeight, to.y()))
	case from.column == to.column && from.row == to.row+1: // up
		return fmt.Sprintf(form, fmt.Sprintf("M%d %dV%d", middleX+besideWay/2, from.y(), to.y()+boxHeight))
	case from.column == to.column: // back up, past a box
		right := from.x() + boxWidth
		return fmt.Sprintf(form, fmt.Sprintf("M%d %dH%dV%dH%d", right, middleY, right+besideWay-4, to.y()+boxHeight-backTo, right))
	case from.row == to.row: // to the right
		return fmt.Sprintf(form, fmt.Sprintf("M%d %dH%d", from.x()+boxWidth, middleY, to.x()))
	}
	x, y := from.x()+boxWidth, middleY
	if to.row > from.row { // over a way back that ends at the same box
		return fmt.Sprintf(form, fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, x+32, y, to.x()-18, to.y()+boxHeight/2, to.x(), to.y()+boxHeight/2))
	}
	return fmt.Sprintf(form, fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, x+18, y, to.x()-18, to.y()+boxHeight-7, to.x(), to.y()+boxHeight-7))
}
