#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plot.py REPORT.json OUT.svg: quality recovered against calls sent up, with published routers.

Published points: CPT(50) and CPT(80) of arXiv 2406.18665, tables 1 to 3, best router of each.
"""
import json
import sys

PANELS = [
    ("routellm_mmlu", "MMLU, Mixtral-8x7B to GPT-4", [("RouteLLM SW ranking", 35.40, 71.55)]),
    ("routellm_gsm8k", "GSM8K, Mixtral-8x7B to GPT-4", [("RouteLLM causal LLM (8B)", 33.64, 63.26)]),
    ("mmlu_pro", "MMLU-Pro, Phi-3-mini to GPT-4o", []),
    ("arena_bench_v1", "Arena questions, Mixtral-8x7B to GPT-4", []),
]
W, H, PAD = 360, 300, 46


def panel(x0, y0, title, r, published):
    sx = lambda p: x0 + PAD + p * (W - PAD - 16)
    sy = lambda q: y0 + H - PAD - max(-.1, min(1.15, q)) / 1.15 * (H - PAD - 34)
    out = [f'<text x="{x0 + PAD}" y="{y0 + 20}" class="t">{title}</text>']
    for i in range(0, 101, 25):
        out.append(f'<line x1="{sx(i / 100)}" y1="{sy(0)}" x2="{sx(i / 100)}" y2="{sy(1.15)}" class="g"/>'
                   f'<text x="{sx(i / 100)}" y="{sy(0) + 15}" class="n" text-anchor="middle">{i} %</text>')
        out.append(f'<line x1="{sx(0)}" y1="{sy(i / 100)}" x2="{sx(1)}" y2="{sy(i / 100)}" class="g"/>'
                   f'<text x="{sx(0) - 5}" y="{sy(i / 100) + 4}" class="n" text-anchor="end">{i} %</text>')
    out.append(f'<line x1="{sx(0)}" y1="{sy(0)}" x2="{sx(1)}" y2="{sy(1)}" class="d"/>')
    gap = r["strong"] - r["weak"]
    points = " ".join(f"{sx(x):.1f},{sy((y - r['weak']) / gap):.1f}" for x, y in r["curve"])
    out.append(f'<polyline points="{points}" class="c"/>')
    for name, at50, at80 in published:
        for at, share in ((at50, .5), (at80, .8)):
            out.append(f'<circle cx="{sx(at / 100):.1f}" cy="{sy(share):.1f}" r="4" class="p"/>')
        out.append(f'<text x="{sx(at80 / 100) + 7:.1f}" y="{sy(.8) + 14:.1f}" class="n">{name}</text>')
    low, high = r["apgr_95"]
    out.append(f'<text x="{sx(1)}" y="{sy(.04)}" class="n" text-anchor="end">APGR {r["apgr"]:.3f} '
               f'[{low:.3f}, {high:.3f}], n = {r["n"]}</text>')
    return "\n".join(out)


def main():
    figures = json.load(open(sys.argv[1]))["routing"]
    body = [panel((i % 2) * W, (i // 2) * H, title, figures[name], published)
            for i, (name, title, published) in enumerate(PANELS)]
    svg = f"""<svg xmlns="http://www.w3.org/2000/svg" width="{2 * W}" height="{2 * H + 24}" font-family="sans-serif">
<style>.t{{font-size:13px;font-weight:bold}}.n{{font-size:10px;fill:#444}}.g{{stroke:#ddd}}.d{{stroke:#999;stroke-dasharray:4}}
.c{{fill:none;stroke:#0b62a4;stroke-width:2}}.p{{fill:#c0392b}}</style>
<rect width="100%" height="100%" fill="white"/>
{chr(10).join(body)}
<text x="{PAD}" y="{2 * H + 12}" class="n">Across: calls sent to the stronger model. Up: share of the quality gap recovered. \
Dashed: at random. Line: this classifier, cross-validated. Dots: published.</text>
</svg>
"""
    open(sys.argv[2], "w").write(svg)


if __name__ == "__main__":
    main()
