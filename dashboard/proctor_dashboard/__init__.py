"""The dashboard: Streamlit pages over the HTTP API."""
