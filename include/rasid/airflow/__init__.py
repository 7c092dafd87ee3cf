"""What Airflow needs of Rasid: assets, the article group, retry policy, starting it locally.

The only room that imports Airflow. Heavy imports stay inside the tasks: DAG files import this.
"""
