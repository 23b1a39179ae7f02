"""One module a page; each has ``draw``. Not called pages: Streamlit takes such a folder over."""
