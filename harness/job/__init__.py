"""What a method holds of its run: the job, and its facets data, models, training and files."""

from harness.job.data import JobData
from harness.job.files import Artifact, Files
from harness.job.job import Job
from harness.job.models import Models
from harness.job.training import Training

__all__ = ["Artifact", "Files", "Job", "JobData", "Models", "Training"]
