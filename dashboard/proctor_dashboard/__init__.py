"""The dashboard: Streamlit pages over the HTTP API, and nothing else of Proctor's."""
