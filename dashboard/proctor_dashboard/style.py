"""The look of what Streamlit does not draw itself: the board, badges, and the timeline."""

SHEET = """
<style>
.block-container {padding-top: 3.8rem; max-width: 1320px;}
.pr-board {overflow-x: auto; border: 1px solid #dce4e1; border-radius: 8px;}
.pr-board table {border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums;}
.pr-board th {text-align: right; font-weight: 600; color: #4a5a56; background: #f3f6f5;
  padding: .5rem .7rem; vertical-align: bottom; border-bottom: 1px solid #dce4e1;}
.pr-board td {text-align: right; padding: .45rem .7rem; border-bottom: 1px solid #edf1f0;
  white-space: nowrap; vertical-align: top;}
.pr-board tr:last-child td {border-bottom: 0;}
.pr-board th.pr-text, .pr-board td.pr-text {text-align: left;}
.pr-board td.pr-rank {font-weight: 700; font-size: 1.05rem;}
.pr-board .pr-decides {background: #f0f7f4;}
.pr-board th.pr-decides {background: #e1efe9; color: #0f5c4d; min-width: 6.5rem;}
.pr-board .pr-why {white-space: normal; min-width: 11rem; max-width: 26rem;}
.pr-board small {display: block; color: #6b7a76; font-size: .75rem; font-weight: 400;}
.pr-board a {color: #0f5c4d; text-decoration: none; font-weight: 600;}
.pr-board a:hover {text-decoration: underline;}
.pr-board tr.pr-baseline td {color: #55645f;}
.pr-board td.pr-tie {border-left: 4px solid transparent; padding-left: .55rem;}
.pr-board td.pr-tie0 {border-left-color: #0f5c4d;}
.pr-board td.pr-tie1 {border-left-color: #b9cfc7;}
.pr-track {display: block; position: relative; width: 3.4rem; height: 9px; margin: 3px 4px 0 auto;
  background: linear-gradient(#c9d5d1, #c9d5d1) center / 100% 1px no-repeat;}
.pr-track i {position: absolute; top: 3px; height: 3px; min-width: 2px; background: #4f8f7f;}
.pr-track b {position: absolute; top: 1px; width: 7px; height: 7px; margin-left: -3.5px;
  border-radius: 50%; background: #083b31;}
.pr-badge {display: inline-block; font-size: .72rem; line-height: 1.25rem; padding: 0 .45rem;
  border-radius: .6rem; background: #e8eeec; color: #3d4c48; margin-right: .25rem;}
.pr-badge.pr-good {background: #dcf1e6; color: #0b5236;}
.pr-badge.pr-bad {background: #fbe3df; color: #8c2415;}
.pr-badge.pr-wait {background: #fdf1d3; color: #6f4e00;}
.pr-time {display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: .8rem;}
.pr-time > div {border: 1px solid #dce4e1; border-left: 4px solid #b9cfc7; border-radius: 8px;
  padding: .7rem .9rem; font-size: .9rem;}
.pr-time > div.pr-open {border-left-color: #0f5c4d;}
.pr-time b {display: block; font-size: 1rem; margin-bottom: .2rem;}
.pr-links a, .pr-time a {color: #0f5c4d; text-decoration: none; font-weight: 600;}
.pr-links a {display: inline-block;}
.pr-links a:hover, .pr-time a:hover {text-decoration: underline;}
.pr-facts {border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums;}
.pr-facts th {text-align: left; font-weight: 600; color: #4a5a56; padding: .25rem 1.4rem .25rem 0;
  vertical-align: top; white-space: nowrap;}
.pr-facts td {padding: .25rem 1.4rem .25rem 0; overflow-wrap: anywhere; vertical-align: top;}
.pr-scroll .pr-facts td {overflow-wrap: normal;}
.pr-facts thead th, .pr-facts td.pr-number {text-align: right; white-space: nowrap;}
.pr-facts thead th:first-child, .pr-facts thead th.pr-text {text-align: left;}
.pr-texts section {display: grid; gap: .2rem 1.4rem; margin-bottom: .8rem;
  grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr));
  border-bottom: 1px solid #dce4e1;}
.pr-texts small {color: #6b7a76;} .pr-texts hr {margin: .2rem 0;}
.pr-texts p {margin: 0 0 .4rem; white-space: pre-wrap; overflow-wrap: anywhere;}
.pr-texts mark {background: #fdf1d3;}
.pr-scroll {overflow-x: auto;}
.pr-trail {font-size: .85rem; color: #6b7a76; margin-bottom: .2rem;}
.pr-trail a {color: #0f5c4d; text-decoration: none;}
.pr-slice {width: 100%; height: auto; display: block; border-radius: 6px;}
.pr-legend {display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .9rem; align-items: center;}
.pr-key {white-space: nowrap;}
.pr-key i {display: inline-block; width: 2rem; border-top-width: 3px; vertical-align: middle;
  margin-right: .35rem; filter: saturate(1.2) brightness(.85);}
.pr-up {color: #0b5236;} .pr-down {color: #8c2415;}
.pr-action a {display: inline-block; padding: .35rem 1rem; border-radius: 6px; background: #0f5c4d;
  color: #fff; text-decoration: none; font-weight: 600;}
.pr-graph {overflow: auto; max-height: 42rem; border: 1px solid #dce4e1; border-radius: 8px;
  background: #fff; padding: .4rem; text-align: center;}
.pr-graph img {max-width: none;}
.pr-card {display: grid; gap: 1.2rem 2.2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr));}
.pr-card h4 {margin: 0 0 .3rem; font-size: .95rem; color: #0f5c4d;
  border-bottom: 1px solid #dce4e1; padding-bottom: .25rem;}
.pr-card dl {margin: 0; padding: 0; display: grid; grid-template-columns: 9.5rem minmax(0, 1fr);
  font-size: .9rem;}
.pr-card dt, .pr-card dd {margin: 0;}
.pr-card dt {font-weight: 600; color: #4a5a56; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid #edf1f0;}
.pr-card dd {margin: 0; padding: .35rem 0; border-bottom: 1px solid #edf1f0;
  overflow-wrap: anywhere;}
.pr-card dd.pr-none {color: #8a9692;}
.pr-card dd span {color: #6b7a76;}
.pr-card a, .pr-lines a {color: #0f5c4d;}
.pr-lines td, .pr-lines th {border-bottom: 1px solid #edf1f0;}
.pr-lines td:not(:last-child) {white-space: nowrap;}
.pr-lines td {overflow-wrap: normal;}
.pr-lines td:last-child {min-width: 12rem;}
.pr-lines tr.pr-here td {background: #f0f7f4;}
.pr-models {border-top: 1px solid #dce4e1;}
.pr-model {display: flex; justify-content: space-between; gap: 1.5rem; padding: .8rem .2rem;
  border-bottom: 1px solid #dce4e1;}
.pr-model a {font-weight: 600; color: #0f5c4d; text-decoration: none; font-size: 1.02rem;}
.pr-model a:hover {text-decoration: underline;}
.pr-model small {display: block; color: #6b7a76; font-size: .8rem; margin: .1rem 0 .3rem;}
.pr-model p {margin: .2rem 0 .4rem; font-size: .9rem; overflow-wrap: anywhere;}
.pr-place {text-align: right; white-space: nowrap; font-size: .9rem;
  font-variant-numeric: tabular-nums;}
@media (max-width: 640px) {
  .pr-card dl {grid-template-columns: minmax(0, 1fr);}
  .pr-card dt {border-bottom: 0; padding-bottom: 0;}
  .pr-model {display: block;}
  .pr-place {text-align: left; margin-top: .4rem;}
  .block-container {padding-left: .8rem; padding-right: .8rem;}
  .pr-board th, .pr-board td {padding: .4rem .5rem;}
  .pr-scroll .pr-facts th, .pr-scroll .pr-facts td {padding-right: .8rem;}
  .pr-board td.pr-text, .pr-board th.pr-text {position: sticky; left: 0; background: #fff;
    white-space: normal; min-width: 8rem; max-width: 10rem; z-index: 1;}
  .pr-board th.pr-text {background: #f3f6f5;}
}
</style>
"""
